// What the kernel hangs on an inode whatever its file system: file locks, the pipe behind a
// fifo, the socket bound to a name, the watches of inotify.
//
// Most inodes never have any of it, so it is made at first use (Inode::attachments()).
// Synchronizes itself.
#pragma once

#include <array>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "sentry/vfs/file_locks.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

// Base of what other parts of the kernel hang on an inode: NamedPipe (sentry/fs/pipe),
// UnixSocketNode (sentry/net/unix), InodeWatches (notify.h).
class InodeAttachment : public RefCounted<InodeAttachment> {
 public:
  virtual ~InodeAttachment() = default;
};

class Inode::Attachments {
 public:
  enum class Slot : uint8_t { kNamedPipe, kUnixSocket, kWatches };

  FileLocks& locks() { return locks_; }

  // Null when empty.
  RefPtr<InodeAttachment> Get(Slot slot) const { return (*slots_.Lock())[Index(slot)]; }
  // Keeps what is there; else puts `candidate` there. Returns what then is there.
  RefPtr<InodeAttachment> GetOrSet(Slot slot, RefPtr<InodeAttachment> candidate) {
    auto slots = slots_.Lock();
    RefPtr<InodeAttachment>& entry = (*slots)[Index(slot)];
    if (!entry) {
      entry = std::move(candidate);
    }
    return entry;
  }
  void Set(Slot slot, RefPtr<InodeAttachment> attachment) {
    // The old one is released after the lock.
    std::swap((*slots_.Lock())[Index(slot)], attachment);
  }
  // Empties the slot if it still holds `expected`.
  void Clear(Slot slot, const InodeAttachment& expected) {
    RefPtr<InodeAttachment> old;
    auto slots = slots_.Lock();
    RefPtr<InodeAttachment>& entry = (*slots)[Index(slot)];
    if (entry == &expected) {
      std::swap(entry, old);
    }
    slots.Unlock();
  }

 private:
  static constexpr size_t kSlots = 3;
  static size_t Index(Slot slot) { return static_cast<size_t>(slot); }

  FileLocks locks_;
  mutable Locked<std::array<RefPtr<InodeAttachment>, kSlots>, LockRank::kFileObject> slots_;
};

// The attachment of a slot as its own type; null when empty.
template <typename T>
RefPtr<T> FindAttachment(const Inode& inode, Inode::Attachments::Slot slot) {
  Inode::Attachments* attachments = inode.attachments_if_any();
  return attachments == nullptr ? RefPtr<T>() : StaticRefCast<T>(attachments->Get(slot));
}

}  // namespace ukrun
