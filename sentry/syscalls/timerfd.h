// timerfd_create(2).
#pragma once

#include "abi/timespec.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> TimerfdCreate(Task& task, int32_t clock_id, uint32_t flags);
Result<void> TimerfdSettime(Task& task, Fd fd, uint32_t flags, UserIn<abi::Itimerspec> time,
                            UserOut<abi::Itimerspec> old_time);
Result<void> TimerfdGettime(Task& task, Fd fd, UserOut<abi::Itimerspec> time);

}  // namespace ukrun
