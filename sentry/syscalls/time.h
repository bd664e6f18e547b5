// Clocks and sleeping: clock_gettime(2), nanosleep(2).
#pragma once

#include "abi/rusage.h"
#include "abi/timespec.h"
#include "abi/timex.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

// Nanoseconds of a clock as `task` sees it, CPU clocks of itself and others included.
// Errors: EINVAL for clocks that do not exist.
Result<int64_t> ReadClock(Task& task, int32_t clock_id);

Result<void> ClockGettime(Task& task, int32_t clock_id, UserOut<abi::Timespec> out);
// Nobody inside may set a clock: EPERM, once the arguments have been found good.
Result<void> ClockSettime(Task& task, int32_t clock_id, UserIn<abi::Timespec> time);
Result<void> Settimeofday(Task& task, UserIn<abi::Timeval> time, GuestAddr zone);
// Clocks can be asked, not steered. What is told is a clock that nobody synchronizes: what
// the host's does is not known here.
Result<int32_t> Adjtimex(Task& task, UserInOut<abi::Timex> timex);
Result<int32_t> ClockAdjtime(Task& task, int32_t clock_id, UserInOut<abi::Timex> timex);
Result<void> ClockGetres(Task& task, int32_t clock_id, UserOut<abi::Timespec> out);
Result<void> Gettimeofday(Task& task, UserOut<abi::Timeval> out, GuestAddr zone);
Result<int64_t> Time(Task& task, UserOut<int64_t> out);
Result<void> Nanosleep(Task& task, UserIn<abi::Timespec> duration, UserOut<abi::Timespec> left);
Result<void> ClockNanosleep(Task& task, int32_t clock_id, int32_t flags, UserIn<abi::Timespec> time,
                            UserOut<abi::Timespec> left);

}  // namespace ukrun
