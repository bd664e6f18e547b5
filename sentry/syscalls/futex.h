// futex(2), futex_waitv(2), set_robust_list(2), get_robust_list(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<int64_t> Futex(Task& task, GuestAddr address, int32_t operation, uint32_t value,
                      GuestAddr timeout, GuestAddr address2, uint32_t value3);

// struct futex_waitv.
struct FutexWaitvLayout {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
Result<int64_t> FutexWaitv(Task& task, UserArray<FutexWaitvLayout> waiters, uint32_t count,
                           uint32_t flags, GuestAddr timeout, int32_t clock);

Result<void> SetRobustList(Task& task, GuestAddr head, uint64_t size);
Result<void> GetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head, UserOut<uint64_t> size);

}  // namespace ukrun
