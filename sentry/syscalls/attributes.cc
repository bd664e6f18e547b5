#include "sentry/syscalls/attributes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sentry/syscalls/path_arguments.h"

namespace ukrun {
namespace {

constexpr Fd kCwd{kAtFdCwd};
constexpr uint32_t kPathFlags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kMostSeconds = INT64_MAX / kNsPerSecond - 1;

using TimeKind = TimeChange::Kind;

struct Times {
  TimeChange access{TimeKind::kNow};
  TimeChange modify{TimeKind::kNow};
};

// File systems clamp what they cannot store; here that is what nanoseconds cannot count.
TimeChange SetTo(int64_t seconds, int64_t nanoseconds) {
  seconds = seconds > kMostSeconds ? kMostSeconds : seconds;
  seconds = seconds < -kMostSeconds ? -kMostSeconds : seconds;
  return TimeChange{TimeKind::kSet, seconds * kNsPerSecond + nanoseconds};
}

Result<TimeChange> Decode(const abi::Timespec& time) {
  if (time.nanoseconds == UTIME_NOW) {
    return TimeChange{TimeKind::kNow};
  }
  if (time.nanoseconds == UTIME_OMIT) {
    return TimeChange{TimeKind::kOmit};
  }
  if (time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond) {
    return Fail(EINVAL);
  }
  return SetTo(time.seconds, time.nanoseconds);
}

Result<TimeChange> Decode(const abi::Timeval& time) {
  if (time.microseconds < 0 || time.microseconds >= 1'000'000) {
    return Fail(EINVAL);
  }
  return SetTo(time.seconds, time.microseconds * 1000);
}

// A null pointer means now, for both.
template <typename T>
Result<Times> LoadTimes(Task& task, UserArray<T> array) {
  Times times;
  if (!array.is_null()) {
    std::vector<T> raw = TRY(array.Load(task.memory(), 2));
    times.access = TRY(Decode(raw[0]));
    times.modify = TRY(Decode(raw[1]));
  }
  return times;
}

Result<void> SetTimes(Task& task, Fd start, UserString path, const Times& times, uint32_t flags) {
  if (times.access.kind == TimeKind::kOmit && times.modify.kind == TimeKind::kOmit) {
    return Ok();  // as on Linux, not even the path is looked at
  }
  if ((flags & ~kPathFlags) != 0) {
    return Fail(EINVAL);
  }
  Path found;
  if (path.is_null() && start.value != kAtFdCwd) {
    if (flags != 0) {
      return Fail(EINVAL);
    }
    found = TRY(PathOfFd(task, start));
  } else {
    found = TRY(FindPath(task, start, path, flags));
  }
  return ChangeTimes(task, found, times.access, times.modify);
}

}  // namespace

Result<void> Chmod(Task& task, UserString path, uint32_t mode) {
  return Fchmodat2(task, kCwd, path, mode, 0);
}

Result<void> Fchmod(Task& task, Fd fd, uint32_t mode) {
  return ChangeMode(task, TRY(PathOfFd(task, fd)), mode);
}

Result<void> Fchmodat(Task& task, Fd start, UserString path, uint32_t mode) {
  return Fchmodat2(task, start, path, mode, 0);
}

Result<void> Fchmodat2(Task& task, Fd start, UserString path, uint32_t mode, uint32_t flags) {
  if ((flags & ~kPathFlags) != 0) {
    return Fail(EINVAL);
  }
  return ChangeMode(task, TRY(FindPath(task, start, path, flags)), mode);
}

Result<void> Chown(Task& task, UserString path, uint32_t uid, uint32_t gid) {
  return Fchownat(task, kCwd, path, uid, gid, 0);
}

Result<void> Lchown(Task& task, UserString path, uint32_t uid, uint32_t gid) {
  return Fchownat(task, kCwd, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

Result<void> Fchown(Task& task, Fd fd, uint32_t uid, uint32_t gid) {
  return ChangeOwner(task, TRY(PathOfFd(task, fd)), uid, gid);
}

Result<void> Fchownat(Task& task, Fd start, UserString path, uint32_t uid, uint32_t gid,
                      uint32_t flags) {
  if ((flags & ~kPathFlags) != 0) {
    return Fail(EINVAL);
  }
  return ChangeOwner(task, TRY(FindPath(task, start, path, flags)), uid, gid);
}

Result<void> Utime(Task& task, UserString path, UserIn<abi::Utimbuf> times) {
  Times decoded;
  if (!times.is_null()) {
    abi::Utimbuf raw = TRY(times.Load(task.memory()));
    decoded.access = SetTo(raw.access_seconds, 0);
    decoded.modify = SetTo(raw.modify_seconds, 0);
  }
  return SetTimes(task, kCwd, path, decoded, 0);
}

Result<void> Utimes(Task& task, UserString path, UserArray<abi::Timeval> times) {
  return Futimesat(task, kCwd, path, times);
}

Result<void> Futimesat(Task& task, Fd start, UserString path, UserArray<abi::Timeval> times) {
  Times decoded = TRY(LoadTimes(task, times));
  return SetTimes(task, start, path, decoded, 0);
}

Result<void> Utimensat(Task& task, Fd start, UserString path, UserArray<abi::Timespec> times,
                       uint32_t flags) {
  Times decoded = TRY(LoadTimes(task, times));
  return SetTimes(task, start, path, decoded, flags);
}

}  // namespace ukrun
