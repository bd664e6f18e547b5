// wait4(2), waitid(2).
#pragma once

#include "abi/rusage.h"
#include "abi/signal.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<int64_t> Wait4(Task& task, int32_t pid, UserOut<int32_t> status, int32_t options,
                      UserOut<abi::Rusage> usage);
Result<void> Waitid(Task& task, int32_t id_type, int32_t id, GuestAddr info, int32_t options,
                    UserOut<abi::Rusage> usage);

}  // namespace ukrun
