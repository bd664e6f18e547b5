// What inotify(7) instances watch: watches, and the list of them that hangs on an inode.
//
// Locks: a list's lock (kInotify) is taken before that of an instance (kFileObject). Whether
// a watch is in its inode's list decides whether it exists; the instance's table of watch
// descriptors follows.
#pragma once

#include <vector>

#include "base/locked.h"
#include "sentry/vfs/notify.h"

namespace ukrun {

class InotifyInstance;
class WatchList;

struct Watch : public RefCounted<Watch> {
  Watch(RefPtr<InotifyInstance> the_instance, Path the_path, WatchList& the_list);
  ~Watch();

  const RefPtr<InotifyInstance> instance;
  // Keeps the inode, and thereby the list.
  const Path path;
  WatchList& list;

  // Guarded by the list's lock.
  uint32_t mask = 0;  // events, IN_ONESHOT, IN_EXCL_UNLINK
  int32_t descriptor = 0;
};

class WatchList final : public InodeWatches {
 public:
  // The list of an inode, made if there is none.
  static WatchList& Of(Inode& inode);

  void OnEvent(const FileEvent& event) override;

  // A watch of `path`'s inode by `instance`: a new one, or a change of the one it has.
  // `mask` may have IN_MASK_ADD and IN_MASK_CREATE. Returns the watch descriptor.
  // Errors: EEXIST (IN_MASK_CREATE), ENOSPC.
  Result<int32_t> AddOrChange(const RefPtr<InotifyInstance>& instance, const Path& path,
                              uint32_t mask);
  // Ends a watch, and tells its instance so. False when it has ended already.
  enum class Tell : uint8_t { kNo, kYes };
  bool Remove(Watch& watch, Tell tell);
  // For /proc.
  uint32_t MaskOf(const Watch& watch);

 private:
  using Watches = std::vector<RefPtr<Watch>>;

  Locked<Watches, LockRank::kInotify> watches_;
};

}  // namespace ukrun
