#include "sentry/syscalls/timerfd.h"

#include <sys/timerfd.h>
#include <time.h>

#include "sentry/fs/timerfd/timerfd.h"

namespace ukrun {
namespace {

Result<void> CheckClock(Task& task, int32_t clock_id) {
  switch (clock_id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
      return Ok();
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return task.credentials().Has(Capability::kWakeAlarm) ? Ok() : Result<void>(Fail(EPERM));
    default:
      return Fail(EINVAL);
  }
}

TimerFd* FindTimer(File& file) {
  return file.kind() == &TimerFd::kKind ? static_cast<TimerFd*>(&file) : nullptr;
}

}  // namespace

Result<Fd> TimerfdCreate(Task& task, int32_t clock_id, uint32_t flags) {
  if ((flags & ~uint32_t{TFD_CLOEXEC | TFD_NONBLOCK}) != 0) {
    return Fail(EINVAL);
  }
  TRY(CheckClock(task, clock_id));
  return task.InstallFile(TimerFd::Create(clock_id, flags & uint32_t{TFD_NONBLOCK}),
                          (flags & TFD_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo);
}

Result<void> TimerfdSettime(Task& task, Fd fd, uint32_t flags, UserIn<abi::Itimerspec> time,
                            UserOut<abi::Itimerspec> old_time) {
  abi::Itimerspec wanted = TRY(time.Load(task.memory()));
  // TFD_TIMER_CANCEL_ON_SET is accepted: nobody in the sandbox can set the clock.
  constexpr uint32_t kKnown = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if ((flags & ~kKnown) != 0 || !wanted.value.valid() || !wanted.interval.valid()) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  TimerFd* timer = FindTimer(*file);
  if (timer == nullptr) {
    return Fail(EINVAL);
  }
  bool absolute = (flags & TFD_TIMER_ABSTIME) != 0;
  abi::Itimerspec old = timer->SetTime(
      wanted, absolute ? TimerFd::TimeKind::kAbsolute : TimerFd::TimeKind::kRelative);
  return old_time.is_null() ? Ok() : old_time.Store(task.memory(), old);
}

Result<void> TimerfdGettime(Task& task, Fd fd, UserOut<abi::Itimerspec> time) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  TimerFd* timer = FindTimer(*file);
  if (timer == nullptr) {
    return Fail(EINVAL);
  }
  return time.Store(task.memory(), timer->GetTime());
}

}  // namespace ukrun
