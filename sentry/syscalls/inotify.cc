#include "sentry/syscalls/inotify.h"

#include <sys/inotify.h>

#include "sentry/fs/inotify/inotify.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr uint32_t kKnownBits = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED |
                                IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD |
                                IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT;

}  // namespace

Result<Fd> InotifyInit(Task& task) { return InotifyInit1(task, 0); }

Result<Fd> InotifyInit1(Task& task, uint32_t flags) {
  if ((flags & ~uint32_t{IN_NONBLOCK | IN_CLOEXEC}) != 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(CreateInotify(flags & uint32_t{IN_NONBLOCK}));
  return task.InstallFile(std::move(file),
                          (flags & IN_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo);
}

Result<int32_t> InotifyAddWatch(Task& task, Fd fd, UserString path, uint32_t mask) {
  if ((mask & kKnownBits) == 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  RefPtr<InotifyInstance> instance = FindInotify(*file);
  if (!instance || ((mask & IN_MASK_ADD) != 0 && (mask & IN_MASK_CREATE) != 0)) {
    return Fail(EINVAL);
  }
  std::string name = TRY(path.LoadPath(task.memory()));
  WalkOptions options{
      .follow_last = (mask & IN_DONT_FOLLOW) != 0 ? FollowLast::kNo : FollowLast::kYes,
      .must_be_directory = (mask & IN_ONLYDIR) != 0};
  Path watched = TRY(Walk(task, Fd{kAtFdCwd}, name, options));
  TRY(CheckPermission(task.credentials(), watched, kMayRead));
  RefPtr<Inode> inode = watched.dentry->inode();
  if (!inode) {
    return Fail(ENOENT);
  }
  return WatchList::Of(*inode).AddOrChange(instance, watched, mask);
}

Result<void> InotifyRmWatch(Task& task, Fd fd, int32_t descriptor) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  RefPtr<InotifyInstance> instance = FindInotify(*file);
  RefPtr<Watch> watch = instance ? instance->Find(descriptor) : nullptr;
  if (!watch || !watch->list.Remove(*watch, WatchList::Tell::kYes)) {
    return Fail(EINVAL);
  }
  return Ok();
}

}  // namespace ukrun
