// Futexes, kept by the Sentry (futex(2), get_robust_list(2)).
#pragma once

#include <span>

#include "base/result.h"
#include "sentry/futex/futex_table.h"
#include "sentry/task/task.h"

namespace ukrun {

// Sleeps while the word holds `expected`. `deadline_ns` is CLOCK_MONOTONIC, -1 for none.
// Errors: EAGAIN (another value), ETIMEDOUT, kErestartsys.
Result<void> FutexWait(Task& task, GuestAddr address, FutexScope scope, uint32_t expected,
                       uint32_t bitset, int64_t deadline_ns);

// Sleeps while each word holds what is expected of it, until one of them is woken. Returns
// which. Errors: as FutexWait.
struct FutexWord {
  GuestAddr address;
  FutexScope scope = FutexScope::kPrivate;
  uint32_t expected = 0;
};
Result<int64_t> FutexWaitAny(Task& task, std::span<const FutexWord> words, int64_t deadline_ns);

// PI locks: the word holds the owner's tid. Errors: EDEADLK, ESRCH, ETIMEDOUT, EINTR...
Result<void> FutexLockPi(Task& task, GuestAddr address, FutexScope scope, int64_t deadline_ns);
Result<void> FutexTryLockPi(Task& task, GuestAddr address);
Result<void> FutexUnlockPi(Task& task, GuestAddr address, FutexScope scope);
// Hands a PI lock to its first waiter, with `flags` in the word. False: nobody waits.
Result<bool> FutexHandOver(Task& task, GuestAddr address, const FutexKey& key, uint32_t flags);

// FUTEX_WAKE on a word that may be shared. Returns how many were woken.
Result<int64_t> FutexWakeShared(Task& task, GuestAddr address, int32_t count);

// At a task's end: marks the robust futexes that it held as owned by a dead task, and wakes
// a waiter of each (Documentation/locking/robust-futex-ABI.rst).
void ReleaseRobustFutexes(Task& task);

}  // namespace ukrun
