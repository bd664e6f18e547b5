// The one place where system calls wait.
//
// File objects answer EAGAIN and notify a WaitQueue; BlockOn tries, sleeps and tries
// again until there is another answer, a signal, or the deadline.
#pragma once

#include "base/result.h"
#include "base/wait_queue.h"
#include "sentry/task/task.h"

namespace ukrun {

inline constexpr int64_t kNoDeadline = -1;  // deadlines are CLOCK_MONOTONIC ns

enum class WakeReason : uint8_t { kNotified, kInterrupted, kTimedOut };

// Sleeps until woken, signalled or timed out. `seen` comes from task.sleeper().Prepare().
WakeReason SleepTask(Task& task, uint32_t seen, int64_t deadline_ns = kNoDeadline);

// Calls attempt() until it gives something else than EAGAIN.
// Errors: attempt's; kErestartsys when a signal came; `timed_out` at the deadline.
template <typename Attempt>
auto BlockOn(Task& task, WaitQueue& queue, Ready interest, Attempt attempt,
             int64_t deadline_ns = kNoDeadline, int timed_out = EAGAIN) -> decltype(attempt()) {
  auto result = attempt();
  if (!result.Is(EAGAIN)) {
    return result;
  }
  SleeperWaiter waiter(task.sleeper());
  queue.Add(waiter, interest);
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    result = attempt();
    if (!result.Is(EAGAIN)) {
      break;
    }
    WakeReason reason = SleepTask(task, seen, deadline_ns);
    if (reason == WakeReason::kInterrupted) {
      result = Fail(kErestartsys);
      break;
    }
    if (reason == WakeReason::kTimedOut) {
      result = Fail(timed_out);
      break;
    }
  }
  queue.Remove(waiter);
  return result;
}

// The same for a file's read or write: honours O_NONBLOCK.
template <typename Attempt>
auto BlockOnFile(Task& task, File& file, Ready interest, Attempt attempt,
                 int64_t deadline_ns = kNoDeadline) -> decltype(attempt()) {
  WaitQueue* queue = file.waiters();
  if (queue == nullptr || file.nonblocking()) {
    return attempt();
  }
  return BlockOn(task, *queue, interest, attempt, deadline_ns);
}

}  // namespace ukrun
