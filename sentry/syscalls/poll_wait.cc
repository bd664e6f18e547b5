#include "sentry/syscalls/poll_wait.h"

#include "sentry/signal/signals.h"

namespace ukrun {

PollWait::~PollWait() {
  for (Entry& entry : entries_) {
    if (entry.waiter.linked()) {
      entry.file->waiters()->Remove(entry.waiter);
    }
  }
}

void PollWait::Add(RefPtr<File> file, Ready wanted, Ready always) {
  entries_.emplace_back(task_.sleeper(), std::move(file), wanted, always);
}

size_t PollWait::Look() {
  size_t ready = 0;
  for (Entry& entry : entries_) {
    entry.found = entry.always;
    if (entry.file) {
      entry.found |= entry.file->Readiness() & entry.wanted;
    }
    ready += Any(entry.found) ? size_t{1} : size_t{0};
  }
  return ready;
}

void PollWait::LinkWaiters() {
  for (Entry& entry : entries_) {
    WaitQueue* queue = entry.file ? entry.file->waiters() : nullptr;
    if (queue != nullptr) {
      queue->Add(entry.waiter, entry.wanted);
    }
  }
}

Result<size_t> PollWait::Wait(int64_t deadline_ns) {
  size_t ready = Look();
  if (ready > 0) {
    return ready;
  }
  // As on Linux, a signal is noticed even by a call that would not have slept.
  if (SignalPending(task_)) {
    return Fail(kErestartnohand);
  }
  if (deadline_ns == 0) {
    return size_t{0};
  }
  LinkWaiters();
  for (;;) {
    uint32_t seen = task_.sleeper().Prepare();
    ready = Look();
    if (ready > 0) {
      return ready;
    }
    switch (SleepTask(task_, seen, deadline_ns)) {
      case WakeReason::kInterrupted:
        return Fail(kErestartnohand);
      case WakeReason::kTimedOut:
        return Look();
      case WakeReason::kNotified:
        break;
    }
  }
}

}  // namespace ukrun
