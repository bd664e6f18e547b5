// What inotify(7) learns of file operations. The VFS and the system calls call these; they
// cost one load while nobody watches anything.
//
// sentry/fs/inotify implements InodeWatches and keeps WatchCount right. A watch should hold
// a Path (not just an inode), so that the file system's inode object stays the same while it
// is watched.
#pragma once

#include <sys/inotify.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "sentry/vfs/attachments.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class File;

struct FileEvent {
  uint32_t mask = 0;    // one IN_* event, with IN_ISDIR where it applies
  uint32_t cookie = 0;  // pairs IN_MOVED_FROM with IN_MOVED_TO
  // The entry of the watched directory; empty when the watched inode itself is meant.
  std::string_view name = {};
  bool unlinked = false;  // the entry has no name any more (IN_EXCL_UNLINK)
};

// The watches of one inode; hangs in Inode::Attachments::Slot::kWatches.
class InodeWatches : public InodeAttachment {
 public:
  // Called without locks of rank kInode and above; possibly under directory locks.
  virtual void OnEvent(const FileEvent& event) = 0;
};

// Watches in the whole sandbox. Changed by sentry/fs/inotify.
extern std::atomic<uint32_t> active_watches;
inline bool AnyWatches() { return active_watches.load(std::memory_order_relaxed) != 0; }

namespace notify_detail {
void Entry(const Path& directory, std::string_view name, uint32_t mask, const Inode& inode);
void Object(const Path& path, uint32_t mask);
void Moved(const Path& from, std::string_view old_name, const Path& to, std::string_view new_name,
           Inode& moved);
void Self(const Inode& inode, uint32_t mask);
void Gone(Inode& inode);
}  // namespace notify_detail

// --- Events of directories: `inode` is what the name refers (or referred) to.
inline void NotifyCreated(const Path& directory, std::string_view name, const Inode& inode) {
  if (AnyWatches()) {
    notify_detail::Entry(directory, name, IN_CREATE, inode);
  }
}
inline void NotifyDeleted(const Path& directory, std::string_view name, const Inode& inode) {
  if (AnyWatches()) {
    notify_detail::Entry(directory, name, IN_DELETE, inode);
  }
}
inline void NotifyMoved(const Path& from, std::string_view old_name, const Path& to,
                        std::string_view new_name, Inode& moved) {
  if (AnyWatches()) {
    notify_detail::Moved(from, old_name, to, new_name, moved);
  }
}

// --- Events of an object, which its directory hears too.
inline void NotifyObject(const Path& path, uint32_t mask) {
  if (AnyWatches()) {
    notify_detail::Object(path, mask);
  }
}
inline void NotifyModified(const Path& path) { NotifyObject(path, IN_MODIFY); }
inline void NotifyAttributes(const Path& path) { NotifyObject(path, IN_ATTRIB); }
inline void NotifyAccessed(const Path& path) { NotifyObject(path, IN_ACCESS); }
inline void NotifyOpened(const Path& path) { NotifyObject(path, IN_OPEN); }

// The number of an inode's names has changed; directories hear of names, not of this.
inline void NotifyLinkCount(const Inode& inode) {
  if (AnyWatches()) {
    notify_detail::Self(inode, IN_ATTRIB);
  }
}

// --- The last name and the last open file of an inode are gone (IN_DELETE_SELF). Called
// where either goes; looks at both.
inline void NotifyIfGone(Inode& inode) {
  if (AnyWatches()) {
    notify_detail::Gone(inode);
  }
}

}  // namespace ukrun
