// The data of signals: what is pending, what is blocked, what handlers are set.
// Everything here is guarded by the task tree's lock unless said otherwise; the code that
// works on it is sentry/signal/signals.h.
#pragma once

#include <array>
#include <deque>

#include "abi/signal.h"
#include "base/ref_ptr.h"

namespace ukrun {

// A queue of signals not yet delivered, of a task or of a thread group.
struct PendingSignals {
  abi::SignalSet set = 0;
  // In order of arrival. A standard signal appears once at most.
  std::deque<abi::SigInfo> queue;
};

// Shared by tasks under CLONE_SIGHAND.
struct SignalActions : public RefCounted<SignalActions> {
  // actions[signal - 1]
  std::array<abi::SigAction, abi::kSignalCount> actions;
};

// The part of a task.
struct TaskSignals {
  PendingSignals pending;
  abi::SignalSet blocked = 0;
  // rt_sigsuspend, ppoll and friends: the mask to go back to once a handler is set up.
  bool restore_saved_mask = false;
  abi::SignalSet saved_mask = 0;
  abi::SigAltStack alternate_stack;
  // This task counts in its group's StopState::parked_tasks.
  bool parked = false;
};

// Job control of a thread group.
struct StopState {
  bool stopped = false;  // every task has been told to stop
  int stop_signal = 0;
  bool report_stop = false;  // the parent has not waited for the stop yet
  bool report_continue = false;
  int parked_tasks = 0;  // of those, how many have stopped
};

}  // namespace ukrun
