// futex(2), set_robust_list(2), get_robust_list(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<int64_t> Futex(Task& task, GuestAddr address, int32_t operation, uint32_t value,
                      GuestAddr timeout, GuestAddr address2, uint32_t value3);
Result<void> SetRobustList(Task& task, GuestAddr head, uint64_t size);
Result<void> GetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head,
                           UserOut<uint64_t> size);

}  // namespace ukrun
