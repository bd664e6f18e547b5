#include "sentry/syscalls/path_arguments.h"

#include <fcntl.h>

namespace ukrun {

Result<Path> PathOfFile(const File& file) {
  if (file.inode() == nullptr) {
    return Fail(EINVAL);
  }
  return file.path();
}

Result<Path> PathOfFd(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  return PathOfFile(*file);
}

Result<Path> FindPath(Task& task, Fd start, UserString path, uint32_t flags, FollowLast follow) {
  std::string name = TRY(path.LoadPath(task.memory()));
  bool allow_empty = (flags & AT_EMPTY_PATH) != 0;
  if (name.empty() && allow_empty && start.value != kAtFdCwd) {
    RefPtr<File> file = TRY(task.GetFileOrPath(start));
    return PathOfFile(*file);
  }
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) {
    follow = FollowLast::kNo;
  } else if ((flags & AT_SYMLINK_FOLLOW) != 0) {
    follow = FollowLast::kYes;
  }
  return Walk(task, start, name, WalkOptions{.follow_last = follow, .allow_empty = allow_empty});
}

}  // namespace ukrun
