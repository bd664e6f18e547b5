// A descriptor of a host file that the gofer has donated: all host calls on files of the
// host are made here. Its position is used by nobody.
#pragma once

#include "base/host_fd.h"
#include "base/ref_ptr.h"
#include "gofer/types.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/attributes.h"
#include "sentry/vfs/file.h"

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
  Result<void> Truncate(uint64_t size) const;
  Result<void> Allocate(int mode, int64_t offset, int64_t length) const;
  Result<void> Synchronize(Sync what) const;
  // SEEK_DATA and SEEK_HOLE.
  Result<uint64_t> SeekSparse(uint64_t offset, int whence) const;

 private:
  template <typename WritePiece>
  Result<size_t> WritePieces(GuestIo& io, WritePiece write_piece) const;

  const HostFd fd_;
  const GoferAccess access_;
};

}  // namespace ukrun
