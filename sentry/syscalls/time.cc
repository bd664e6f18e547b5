#include "sentry/syscalls/time.h"

#include <time.h>

#include "sentry/kernel.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/exit.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr int32_t kTai = 11;

// CPU clocks of other tasks: the complement of an id above three bits of kind.
struct CpuClock {
  int32_t id;
  bool thread;
};
CpuClock DecodeCpuClock(int32_t clock_id) {
  return CpuClock{~(clock_id >> 3), (clock_id & 4) != 0};
}

Result<int64_t> ReadCpuClock(Task& task, int32_t clock_id) {
  CpuClock clock = DecodeCpuClock(clock_id);
  constexpr int32_t kKindMask = 3;
  constexpr int32_t kKindCount = 3;
  if ((clock_id & kKindMask) >= kKindCount) {
    return Fail(EINVAL);
  }
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  Task* target = clock.id == 0 ? &task : tree.FindTaskLocked(clock.id);
  if (target == nullptr || (clock.thread && &target->thread_group() != &task.thread_group())) {
    return Fail(EINVAL);
  }
  if (clock.thread) {
    return target->UserTimeNs() + target->SystemTimeNs();
  }
  ResourceUsage usage = UsageLocked(target->thread_group());
  return usage.user_ns + usage.system_ns;
}

bool IsHostClock(int32_t clock_id) {
  switch (clock_id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
    case kTai:
      return true;
    default:
      return false;
  }
}

// Sleeps until the deadline; with a relative sleep the rest is stored for a signal's sake.
struct SleepRestart final : public RestartBlock {
  SleepRestart(int64_t deadline, UserOut<abi::Timespec> rest) : deadline_ns(deadline), left(rest) {}
  Result<int64_t> Restart(Task& task) override;
  int64_t deadline_ns;
  UserOut<abi::Timespec> left;
};

Result<void> SleepUntil(Task& task, int64_t deadline_ns) {
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    switch (SleepTask(task, seen, deadline_ns)) {
      case WakeReason::kTimedOut:
        return Ok();
      case WakeReason::kInterrupted:
        return Fail(kErestartnohand);
      case WakeReason::kNotified:
        break;
    }
  }
}

Result<void> SleepRelative(Task& task, int64_t deadline_ns, UserOut<abi::Timespec> left) {
  Result<void> slept = SleepUntil(task, deadline_ns);
  if (slept.ok()) {
    return slept;
  }
  if (!left.is_null()) {
    int64_t rest = deadline_ns - MonotonicNow();
    TRY(left.Store(task.memory(), abi::Timespec::FromNs(rest < 0 ? 0 : rest)));
  }
  task.restart = std::make_unique<SleepRestart>(deadline_ns, left);
  return Fail(kErestartRestartblock);
}

Result<int64_t> SleepRestart::Restart(Task& task) {
  TRY(SleepRelative(task, deadline_ns, left));
  return int64_t{0};
}

}  // namespace

Result<int64_t> ReadClock(Task& task, int32_t clock_id) {
  if (clock_id < 0) {
    return ReadCpuClock(task, clock_id);
  }
  switch (clock_id) {
    case CLOCK_PROCESS_CPUTIME_ID: {
      MutexGuard guard(kernel().tasks().lock());
      ResourceUsage usage = UsageLocked(task.thread_group());
      return usage.user_ns + usage.system_ns;
    }
    case CLOCK_THREAD_CPUTIME_ID:
      return task.UserTimeNs() + task.SystemTimeNs();
    default:
      return IsHostClock(clock_id) ? Result<int64_t>(HostClockNs(clock_id)) : Fail(EINVAL);
  }
}

Result<void> ClockGettime(Task& task, int32_t clock_id, UserOut<abi::Timespec> out) {
  int64_t now = TRY(ReadClock(task, clock_id));
  return out.Store(task.memory(), abi::Timespec::FromNs(now));
}

Result<void> ClockSettime(Task& task, int32_t clock_id, UserIn<abi::Timespec> time) {
  if (clock_id != CLOCK_REALTIME) {
    return Fail(EINVAL);
  }
  abi::Timespec wanted = TRY(time.Load(task.memory()));
  return Fail(wanted.valid() ? EPERM : EINVAL);
}

Result<void> Settimeofday(Task& task, UserIn<abi::Timeval> time, GuestAddr zone) {
  if (!time.is_null()) {
    abi::Timeval wanted = TRY(time.Load(task.memory()));
    if (wanted.seconds < 0 || wanted.microseconds < 0 || wanted.microseconds >= 1'000'000) {
      return Fail(EINVAL);
    }
  }
  if (!zone.is_null()) {
    uint64_t ignored = 0;
    TRY(task.memory().Read(&ignored, zone, sizeof(ignored)));
  }
  return Fail(EPERM);
}

Result<int32_t> Adjtimex(Task& task, UserInOut<abi::Timex> timex) {
  abi::Timex asked = TRY(timex.Load(task.memory()));
  if (asked.modes != 0 && asked.modes != abi::kAdjOffsetSsRead) {
    return Fail(EPERM);
  }
  abi::Timespec now = abi::Timespec::FromNs(HostClockNs(CLOCK_REALTIME));
  abi::Timex told;
  told.modes = asked.modes;
  told.max_error_us = told.estimated_error_us = 16'000'000;
  told.status = abi::kStaUnsynchronized;
  told.constant = 2;
  told.precision_us = 1;
  told.tolerance = int64_t{500} << 16;
  told.tick_us = 10'000;
  told.seconds = now.seconds;
  told.microseconds = now.nanoseconds / 1000;
  TRY(timex.Store(task.memory(), told));
  return abi::kTimeError;
}

Result<int32_t> ClockAdjtime(Task& task, int32_t clock_id, UserInOut<abi::Timex> timex) {
  if (clock_id == CLOCK_REALTIME) {
    return Adjtimex(task, timex);
  }
  TRY(ReadClock(task, clock_id));
  return Fail(EOPNOTSUPP);
}

Result<void> ClockGetres(Task& task, int32_t clock_id, UserOut<abi::Timespec> out) {
  TRY(ReadClock(task, clock_id));
  bool coarse = clock_id == CLOCK_REALTIME_COARSE || clock_id == CLOCK_MONOTONIC_COARSE;
  return out.is_null() ? Ok() : out.Store(task.memory(), abi::Timespec{0, coarse ? 4'000'000 : 1});
}

Result<void> Gettimeofday(Task& task, UserOut<abi::Timeval> out, GuestAddr zone) {
  int64_t now = HostClockNs(CLOCK_REALTIME);
  if (!out.is_null()) {
    TRY(out.Store(task.memory(), abi::Timeval{now / 1'000'000'000, now % 1'000'000'000 / 1000}));
  }
  return zone.is_null() ? Ok() : task.memory().Zero(zone, 8);
}

Result<int64_t> Time(Task& task, UserOut<int64_t> out) {
  int64_t now = HostClockNs(CLOCK_REALTIME) / 1'000'000'000;
  if (!out.is_null()) {
    TRY(out.Store(task.memory(), now));
  }
  return now;
}

Result<void> Nanosleep(Task& task, UserIn<abi::Timespec> duration, UserOut<abi::Timespec> left) {
  abi::Timespec wanted = TRY(duration.Load(task.memory()));
  if (!wanted.valid()) {
    return Fail(EINVAL);
  }
  return SleepRelative(task, DeadlineAfter(wanted.ToNs()), left);
}

Result<void> ClockNanosleep(Task& task, int32_t clock_id, int32_t flags, UserIn<abi::Timespec> time,
                            UserOut<abi::Timespec> left) {
  if (clock_id == CLOCK_THREAD_CPUTIME_ID || clock_id == CLOCK_MONOTONIC_RAW ||
      clock_id == CLOCK_REALTIME_COARSE || clock_id == CLOCK_MONOTONIC_COARSE) {
    return Fail(EOPNOTSUPP);
  }
  int64_t now = TRY(ReadClock(task, clock_id));
  abi::Timespec wanted = TRY(time.Load(task.memory()));
  if (!wanted.valid()) {
    return Fail(EINVAL);
  }
  if ((flags & TIMER_ABSTIME) == 0) {
    if (IsHostClock(clock_id)) {
      return SleepRelative(task, DeadlineAfter(wanted.ToNs()), left);
    }
    wanted =
        abi::Timespec::FromNs(wanted.ToNs() > INT64_MAX - now ? INT64_MAX : now + wanted.ToNs());
  }
  // The clock is looked at again after each sleep: it may be set, or be a CPU clock, which
  // runs more slowly than time.
  while (now < wanted.ToNs()) {
    TRY(SleepUntil(task, DeadlineAfter(wanted.ToNs() - now)));
    now = TRY(ReadClock(task, clock_id));
  }
  return Ok();
}

}  // namespace ukrun
