#include "sentry/syscalls/open.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>

#include <algorithm>

#include "sentry/task/thread_group.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr uint32_t kLargeFile = 0100000;  // O_LARGEFILE, 0 in the C library's header
constexpr uint32_t kUnnamed = 020000000;  // __O_TMPFILE
constexpr uint32_t kKnownFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                 O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | kLargeFile |
                                 O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                                 kUnnamed;
constexpr uint32_t kPathFlags = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
constexpr uint64_t kKnownResolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |
                                   RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
constexpr uint64_t kLargestHow = 4096;

bool Creates(uint64_t flags) { return (flags & (O_CREAT | kUnnamed)) != 0; }

// open(2) and openat(2) ignore what they don't know.
OpenRequest Lenient(uint32_t flags, uint32_t mode) {
  OpenRequest request;
  request.flags = flags & kKnownFlags;
  if ((flags & O_PATH) != 0) {
    request.flags &= kPathFlags;
  }
  request.mode = Creates(request.flags) ? mode & 07777 : 0;
  return request;
}

// openat2(2) refuses it.
Result<OpenRequest> Strict(const abi::OpenHow& how) {
  bool path_with_more = (how.flags & O_PATH) != 0 && (how.flags & ~uint64_t{kPathFlags}) != 0;
  bool wrong_mode = Creates(how.flags) ? (how.mode & ~uint64_t{07777}) != 0 : how.mode != 0;
  constexpr uint64_t kBothScopes = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
  if ((how.flags & ~uint64_t{kKnownFlags}) != 0 || (how.resolve & ~kKnownResolve) != 0 ||
      (how.resolve & kBothScopes) == kBothScopes || path_with_more || wrong_mode) {
    return Fail(EINVAL);
  }
  return OpenRequest{static_cast<uint32_t>(how.flags), static_cast<uint32_t>(how.mode),
                     how.resolve};
}

// What both check, as Linux's build_open_flags().
Result<void> CheckCombination(const OpenRequest& request) {
  uint32_t flags = request.flags;
  if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT)) {
    return Fail(EINVAL);
  }
  if ((flags & kUnnamed) != 0 && ((flags & O_DIRECTORY) == 0 || (flags & O_ACCMODE) == O_RDONLY)) {
    return Fail(EINVAL);
  }
  if ((request.resolve & RESOLVE_CACHED) != 0 && (flags & (O_TRUNC | O_CREAT | kUnnamed)) != 0) {
    return Fail(EAGAIN);
  }
  return Ok();
}

Result<Fd> OpenInto(Task& task, Fd start, UserString path, const OpenRequest& request) {
  TRY(CheckCombination(request));
  std::string name = TRY(path.LoadPath(task.memory()));
  uint64_t limit = task.thread_group().GetLimit(kRlimitNofile).soft;
  // Before anything is created or truncated.
  TRY(task.fds().CheckRoom(limit));
  RefPtr<File> file = TRY(Open(task, start, name, request));
  auto cloexec = (request.flags & O_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
  return task.InstallFile(std::move(file), cloexec);
}

// A structure that may be longer than the one known here, if what is more is zero.
Result<abi::OpenHow> LoadHow(Task& task, GuestAddr address, uint64_t size) {
  if (size < sizeof(abi::OpenHow)) {
    return Fail(EINVAL);
  }
  if (size > kLargestHow) {
    return Fail(E2BIG);
  }
  auto how = TRY(UserIn<abi::OpenHow>{address}.Load(task.memory()));
  size_t more = size - sizeof(how);
  auto rest = TRY(UserArray<uint8_t>{address + sizeof(how)}.Load(task.memory(), more));
  if (std::any_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; })) {
    return Fail(E2BIG);
  }
  return how;
}

}  // namespace

Result<Fd> SysOpen(Task& task, UserString path, uint32_t flags, uint32_t mode) {
  return OpenInto(task, Fd{kAtFdCwd}, path, Lenient(flags, mode));
}

Result<Fd> Openat(Task& task, Fd start, UserString path, uint32_t flags, uint32_t mode) {
  return OpenInto(task, start, path, Lenient(flags, mode));
}

Result<Fd> Openat2(Task& task, Fd start, UserString path, GuestAddr how, uint64_t size) {
  abi::OpenHow loaded = TRY(LoadHow(task, how, size));
  return OpenInto(task, start, path, TRY(Strict(loaded)));
}

Result<Fd> Creat(Task& task, UserString path, uint32_t mode) {
  return SysOpen(task, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

Result<void> Close(Task& task, Fd fd) { return task.fds().Close(task, fd); }

Result<void> CloseRange(Task& task, uint32_t first, uint32_t last, uint32_t flags) {
  if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0) {
    return Fail(EINVAL);
  }
  if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
    task.UnshareFds();
  }
  if ((flags & CLOSE_RANGE_CLOEXEC) != 0) {
    task.fds().SetCloseOnExecRange(first, last);
  } else {
    task.fds().CloseRange(task, first, last);
  }
  return Ok();
}

}  // namespace ukrun
