// Timers that signal: setitimer(2), alarm(2), timer_create(2).
#pragma once

#include "abi/rusage.h"
#include "abi/timespec.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

struct Itimerval {
  abi::Timeval interval;
  abi::Timeval value;
};

Result<void> Getitimer(Task& task, int32_t which, UserOut<Itimerval> out);
Result<void> Setitimer(Task& task, int32_t which, UserIn<Itimerval> in, UserOut<Itimerval> old);
Result<int64_t> Alarm(Task& task, uint32_t seconds);
Result<void> TimerCreate(Task& task, int32_t clock_id, GuestAddr event, UserOut<int32_t> id);
Result<void> TimerSettime(Task& task, int32_t id, int32_t flags, UserIn<abi::Itimerspec> in,
                          UserOut<abi::Itimerspec> old);
Result<void> TimerGettime(Task& task, int32_t id, UserOut<abi::Itimerspec> out);
Result<int32_t> TimerGetoverrun(Task& task, int32_t id);
Result<void> TimerDelete(Task& task, int32_t id);

}  // namespace ukrun
