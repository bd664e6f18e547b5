// execve(2), execveat(2)
#include "sentry/task/exec.h"

#include <fcntl.h>

#include "base/format.h"
#include "loader/initial_stack.h"
#include "sentry/syscalls/process.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

constexpr size_t kMostPointers = kMostArgumentBytes / sizeof(uint64_t);

// A null-terminated array of strings. A null array is an empty one.
Result<std::vector<std::string>> LoadStrings(Task& task, GuestAddr array, uint64_t* budget) {
  std::vector<std::string> strings;
  if (array.is_null()) {
    return strings;
  }
  for (;;) {
    uint64_t address = 0;
    TRY(task.memory().Read(&address, array + strings.size() * sizeof(address), sizeof(address)));
    if (address == 0) {
      return strings;
    }
    if (strings.size() >= kMostPointers) {
      return Fail(E2BIG);
    }
    std::string text = TRY(task.memory().ReadString(GuestAddr(address), kMaxArgumentBytes, E2BIG));
    uint64_t cost = text.size() + 1 + sizeof(uint64_t);
    if (cost > *budget) {
      return Fail(E2BIG);
    }
    *budget -= cost;
    strings.push_back(std::move(text));
  }
}

Result<void> ExecFile(Task& task, ExecRequest request, GuestAddr argv, GuestAddr envp) {
  uint64_t budget = kMostArgumentBytes;
  request.arguments = TRY(LoadStrings(task, argv, &budget));
  if (request.arguments.empty()) {
    request.arguments.emplace_back();
  }
  request.environment = TRY(LoadStrings(task, envp, &budget));
  return ExecTask(task, std::move(request));
}

}  // namespace

Result<void> Execve(Task& task, UserString path, GuestAddr argv, GuestAddr envp) {
  ExecRequest request;
  request.file_name = TRY(path.LoadPath(task.memory()));
  request.file = TRY(OpenExecutable(task, Fd{kAtFdCwd}, request.file_name, {}));
  return ExecFile(task, std::move(request), argv, envp);
}

Result<void> Execveat(Task& task, Fd directory, UserString path, GuestAddr argv, GuestAddr envp,
                      int32_t flags) {
  ExecRequest request;
  std::string name = TRY(path.LoadPath(task.memory()));
  if (name.empty() && (flags & AT_EMPTY_PATH) == 0) {
    return Fail(ENOENT);
  }
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
    return Fail(EINVAL);
  }
  WalkOptions options;
  options.allow_empty = (flags & AT_EMPTY_PATH) != 0;
  options.follow_last = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? FollowLast::kNo : FollowLast::kYes;
  request.file = TRY(OpenExecutable(task, directory, name, options));
  if (directory.value == kAtFdCwd || name.starts_with('/')) {
    request.file_name = name;
  } else {
    // As on Linux, the program sees itself by its descriptor.
    request.file_name = name.empty() ? Format("/dev/fd/{}", directory.value)
                                     : Format("/dev/fd/{}/{}", directory.value, name);
    Result<CloseOnExec> cloexec = task.fds().GetCloseOnExec(directory);
    request.name_vanishes = cloexec.ok() && *cloexec == CloseOnExec::kYes;
  }
  return ExecFile(task, std::move(request), argv, envp);
}

}  // namespace ukrun
