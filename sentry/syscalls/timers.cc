#include "sentry/syscalls/timers.h"

#include <time.h>

#include "sentry/kernel.h"
#include "sentry/syscalls/time.h"
#include "sentry/time/process_timers.h"

namespace ukrun {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Result<int64_t> FromTimeval(const abi::Timeval& time) {
  if (time.seconds < 0 || time.microseconds < 0 || time.microseconds >= 1'000'000) {
    return Fail(EINVAL);
  }
  return abi::Timespec{time.seconds, time.microseconds * 1000}.ToNs();
}

// Rounded up, so that a timer that is set never shows as off.
abi::Timeval ToTimevalUp(int64_t ns) {
  int64_t us = ns / 1000 + (ns % 1000 != 0 ? 1 : 0);
  return abi::Timeval{us / 1'000'000, us % 1'000'000};
}

Result<Itimer> DecodeItimer(int32_t which) {
  if (which < 0 || which > 2) {
    return Fail(EINVAL);
  }
  return static_cast<Itimer>(which);
}

Itimerval ToItimerval(const TimerSetting& setting) {
  return Itimerval{ToTimevalUp(setting.interval_ns), ToTimevalUp(setting.value_ns)};
}

abi::Itimerspec ToItimerspec(const TimerSetting& setting) {
  return abi::Itimerspec{abi::Timespec::FromNs(setting.interval_ns),
                         abi::Timespec::FromNs(setting.value_ns)};
}

// struct sigevent, its first fields.
struct SigEvent {
  uint64_t value;
  int32_t signal;
  int32_t notify;
  int32_t tid;
  int32_t padding;
};
constexpr int32_t kSigevSignal = 0, kSigevNone = 1, kSigevThread = 2, kSigevThreadId = 4;

Result<TimerNotification> DecodeEvent(Task& task, GuestAddr address) {
  TimerNotification notification;
  if (address.is_null()) {
    notification.signal = -1;  // the default, which names the timer's own id
    return notification;
  }
  SigEvent event{};
  TRY(task.memory().Read(&event, address, sizeof(event)));
  notification.signal = event.signal;
  notification.value = event.value;
  switch (event.notify) {
    case kSigevNone:
      notification.kind = TimerNotification::Kind::kNone;
      return notification;
    case kSigevSignal:
    case kSigevThread:
      break;
    case kSigevThreadId:
    case kSigevThreadId | kSigevThread: {
      notification.kind = TimerNotification::Kind::kSignalTask;
      notification.tid = event.tid;
      RefPtr<Task> target = kernel().tasks().FindTask(event.tid);
      if (!target || &target->thread_group() != &task.thread_group()) {
        return Fail(EINVAL);
      }
      break;
    }
    default:
      return Fail(EINVAL);
  }
  if (event.signal < 1 || event.signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  return notification;
}

bool MayCarryTimer(int32_t clock_id) {
  switch (clock_id) {
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
      return false;
    default:
      return true;
  }
}

}  // namespace

Result<void> Getitimer(Task& task, int32_t which, UserOut<Itimerval> out) {
  TimerSetting setting = task.thread_group().timers().GetItimer(TRY(DecodeItimer(which)));
  return out.Store(task.memory(), ToItimerval(setting));
}

Result<void> Setitimer(Task& task, int32_t which, UserIn<Itimerval> in, UserOut<Itimerval> old) {
  TimerSetting setting;
  if (!in.is_null()) {  // as on Linux, null means "off"
    Itimerval wanted = TRY(in.Load(task.memory()));
    setting.value_ns = TRY(FromTimeval(wanted.value));
    setting.interval_ns = TRY(FromTimeval(wanted.interval));
  }
  TimerSetting before = task.thread_group().timers().SetItimer(TRY(DecodeItimer(which)), setting);
  return old.is_null() ? Ok() : old.Store(task.memory(), ToItimerval(before));
}

Result<int64_t> Alarm(Task& task, uint32_t seconds) {
  TimerSetting setting;
  setting.value_ns = int64_t{seconds} * kSecond;
  TimerSetting before = task.thread_group().timers().SetItimer(Itimer::kReal, setting);
  // Rounded to the nearest second, but never to 0.
  int64_t left = (before.value_ns + kSecond / 2) / kSecond;
  return before.value_ns > 0 && left == 0 ? int64_t{1} : left;
}

Result<void> TimerCreate(Task& task, int32_t clock_id, GuestAddr event, UserOut<int32_t> id) {
  TRY(ReadClock(task, clock_id));
  if (!MayCarryTimer(clock_id)) {
    return Fail(EOPNOTSUPP);
  }
  TimerNotification notification = TRY(DecodeEvent(task, event));
  int32_t of_task = clock_id == CLOCK_THREAD_CPUTIME_ID ? task.tid() : 0;
  ProcessTimers& timers = task.thread_group().timers();
  int32_t created = TRY(timers.Create(clock_id, of_task, notification));
  Result<void> stored = id.Store(task.memory(), created);
  if (!stored.ok()) {
    static_cast<void>(timers.Delete(created));
  }
  return stored;
}

Result<void> TimerSettime(Task& task, int32_t id, int32_t flags, UserIn<abi::Itimerspec> in,
                          UserOut<abi::Itimerspec> old) {
  if (in.is_null()) {
    return Fail(EINVAL);
  }
  abi::Itimerspec wanted = TRY(in.Load(task.memory()));
  if (!wanted.value.valid() || !wanted.interval.valid()) {
    return Fail(EINVAL);
  }
  TimeKind kind = (flags & TIMER_ABSTIME) != 0 ? TimeKind::kAbsolute : TimeKind::kRelative;
  TimerSetting before = TRY(task.thread_group().timers().Set(
      id, TimerSetting{wanted.value.ToNs(), wanted.interval.ToNs()}, kind));
  return old.is_null() ? Ok() : old.Store(task.memory(), ToItimerspec(before));
}

Result<void> TimerGettime(Task& task, int32_t id, UserOut<abi::Itimerspec> out) {
  TimerSetting setting = TRY(task.thread_group().timers().Get(id));
  return out.Store(task.memory(), ToItimerspec(setting));
}

Result<int32_t> TimerGetoverrun(Task& task, int32_t id) {
  return task.thread_group().timers().Overrun(id);
}

Result<void> TimerDelete(Task& task, int32_t id) { return task.thread_group().timers().Delete(id); }

}  // namespace ukrun
