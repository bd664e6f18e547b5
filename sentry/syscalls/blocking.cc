#include "sentry/syscalls/blocking.h"

#include "sentry/signal/signals.h"
#include "sentry/strace/strace.h"

namespace ukrun {

WakeReason SleepTask(Task& task, uint32_t seen, int64_t deadline_ns) {
  if (SignalPending(task)) {
    return WakeReason::kInterrupted;
  }
  task.state = TaskState::kSleeping;
  bool woken = StraceSleep(task, seen, deadline_ns);
  task.state = TaskState::kRunning;
  if (!woken) {
    return WakeReason::kTimedOut;
  }
  return SignalPending(task) ? WakeReason::kInterrupted : WakeReason::kNotified;
}

}  // namespace ukrun
