// Descriptors of host files that the gofer has donated, and a bounded cache of them.
//
// The host limits how many descriptors the sandbox may have; guests may open more files
// than that. So an open file holds its inode, and the descriptor is looked for here, or
// asked for again.
#pragma once

#include <list>
#include <map>

#include "base/host_fd.h"
#include "base/locked.h"
#include "base/ref_ptr.h"
#include "gofer/types.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/attributes.h"

namespace ukrun {

class HostDescriptor : public RefCounted<HostDescriptor> {
 public:
  HostDescriptor(HostFd fd, GoferAccess access) : fd_(std::move(fd)), access_(access) {}

  int fd() const { return fd_.get(); }
  GoferAccess access() const { return access_; }
  bool Allows(GoferAccess wanted) const {
    uint32_t bits = static_cast<uint32_t>(wanted);
    return (static_cast<uint32_t>(access_) & bits) == bits;
  }

  // Through a kernel buffer, piece by piece.
  Result<size_t> ReadAt(GuestIo& io, uint64_t offset) const;
  Result<size_t> WriteAt(GuestIo& io, uint64_t offset) const;
  // Each piece goes to where the end then is.
  Result<size_t> Append(GuestIo& io) const;
  // What the host says now, as far as fstat(2) does: everything but the device, the inode
  // number and the birth time. Owners are the host's.
  Result<void> Describe(Attributes& attributes) const;

 private:
  template <typename WritePiece>
  Result<size_t> WritePieces(GuestIo& io, WritePiece write_piece) const;

  const HostFd fd_;
  const GoferAccess access_;
};

class DescriptorCache {
 public:
  explicit DescriptorCache(size_t limit) : limit_(limit) {}

  // One that allows `access`; null when there is none.
  RefPtr<HostDescriptor> Find(const void* owner, GoferAccess access);
  void Keep(const void* owner, RefPtr<HostDescriptor> descriptor);
  // The owner goes away.
  void Drop(const void* owner);

 private:
  struct Key {
    const void* owner;
    GoferAccess access;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    Key key;
    RefPtr<HostDescriptor> descriptor;
  };
  struct State {
    std::list<Entry> by_use;  // the least recently used first
    std::map<Key, std::list<Entry>::iterator> entries;
  };

  const size_t limit_;
  Locked<State, LockRank::kFileObject> state_;
};

}  // namespace ukrun
