// Delivery: what a task does about its signals before it goes back to guest code.
#include <sys/syscall.h>

#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/signal/actions.h"
#include "sentry/signal/frame.h"
#include "sentry/signal/signals.h"
#include "sentry/start/control.h"
#include "sentry/strace/strace.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

// Faults are delivered before what others sent, as Linux does.
constexpr abi::SignalSet kSynchronous =
    abi::SignalBit(abi::kSigSegv) | abi::SignalBit(abi::kSigBus) | abi::SignalBit(abi::kSigIll) |
    abi::SignalBit(abi::kSigTrap) | abi::SignalBit(abi::kSigFpe) | abi::SignalBit(abi::kSigSys);
constexpr uint64_t kSyscallBytes = 2;  // 0f 05

bool TakeFrom(PendingSignals& pending, abi::SignalSet set, abi::SigInfo* info) {
  abi::SignalSet candidates = pending.set & set;
  if (candidates == 0) {
    return false;
  }
  if ((candidates & kSynchronous) != 0) {
    candidates &= kSynchronous;
  }
  int signal = __builtin_ctzll(candidates) + 1;
  auto it = std::find_if(pending.queue.begin(), pending.queue.end(),
                         [signal](const abi::SigInfo& i) { return i.signal == signal; });
  *info = *it;
  pending.queue.erase(it);
  bool more = std::any_of(pending.queue.begin(), pending.queue.end(),
                          [signal](const abi::SigInfo& i) { return i.signal == signal; });
  if (!more) {
    pending.set &= ~abi::SignalBit(signal);
  }
  return true;
}

void BeginStopLocked(ThreadGroup& group, int signal) {
  if (group.stop.stopped || group.group_exiting) {
    return;
  }
  group.stop.stopped = true;
  group.stop.stop_signal = signal;
  group.stop.report_stop = false;
  group.stop.report_continue = false;
  group.stop.parked_tasks = 0;
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    RecalculatePendingLocked(*task);
    task->Kick();
  }
}

// The task has been told to stop: sleeps until it is continued or has to end.
void Park(Task& task) {
  ThreadGroup& group = task.thread_group();
  Mutex& lock = kernel().tasks().lock();
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    int stopped_by = 0;
    int told_outside = 0;
    {
      MutexGuard guard(lock);
      if (!group.stop.stopped || task.exiting.load()) {
        if (task.signals.parked) {
          task.signals.parked = false;
          group.stop.parked_tasks = std::max(0, group.stop.parked_tasks - 1);
        }
        task.state = TaskState::kRunning;
        RecalculatePendingLocked(task);
        return;
      }
      if (!task.signals.parked) {
        task.signals.parked = true;
        stopped_by = group.stop.stop_signal;
        task.state = TaskState::kStopped;
        ++group.stop.parked_tasks;
        if (group.stop.parked_tasks == group.live_tasks) {
          group.stop.report_stop = true;
          abi::SigInfo info;
          info.signal = abi::kSigChld;
          info.code = abi::kCldStopped;
          info.child.pid = group.pid();
          info.child.uid = task.SharedCredentials()->uid;
          info.child.status = group.stop.stop_signal;
          NotifyParentLocked(group, info);
          told_outside = &group == kernel().tasks().init() ? group.stop.stop_signal : 0;
        }
      }
    }
    if (stopped_by != 0) {
      StraceStop(task, stopped_by);
    }
    if (told_outside != 0) {
      SendStopped(told_outside);
    }
    task.sleeper().Sleep(seen, kNoDeadline);
  }
}

enum class Step : uint8_t { kDone, kAgain, kPark, kHandler };

// Decides about one signal. Requires the tree's lock.
Step NextStepLocked(Task& task, abi::SigInfo* info, abi::SigAction* action) {
  ThreadGroup& group = task.thread_group();
  if (task.exiting.load()) {
    return Step::kDone;
  }
  if (group.stop.stopped) {
    return Step::kPark;
  }
  if (!TakeSignalLocked(task, ~task.signals.blocked, info)) {
    return Step::kDone;
  }
  abi::SigAction& current = group.actions->actions[static_cast<size_t>(info->signal) - 1];
  if (ActionIgnores(current, info->signal)) {
    return Step::kAgain;
  }
  if (current.handler != abi::kSigDfl) {
    *action = current;
    if ((current.flags & abi::kSaResethand) != 0) {
      current.handler = abi::kSigDfl;
    }
    return Step::kHandler;
  }
  switch (DefaultActionOf(info->signal)) {
    case DefaultAction::kIgnore:
      return Step::kAgain;
    case DefaultAction::kStop:
      // The terminal's stop signals do nothing to a group that nobody could continue.
      if (info->signal == abi::kSigStop ||
          !(group.process_group && IsOrphanedLocked(*group.process_group))) {
        BeginStopLocked(group, info->signal);
      }
      return Step::kAgain;
    case DefaultAction::kCore:
      BeginGroupExitLocked(group, info->signal | (group.GetLimit(kRlimitCore).soft > 0 ? 0x80 : 0));
      return Step::kDone;
    case DefaultAction::kTerminate:
      BeginGroupExitLocked(group, info->signal);
      return Step::kDone;
  }
  return Step::kAgain;
}

void RestartCall(Task& task, uint64_t number) {
  abi::Registers& registers = task.registers();
  registers.rax = number;
  registers.rip -= kSyscallBytes;
}

// The interrupted call's fate when a handler runs first.
void FinishCallForHandler(Task& task, int interrupted_call, const abi::SigAction& action) {
  abi::Registers& registers = task.registers();
  bool restart = interrupted_call == kErestartnointr ||
                 (interrupted_call == kErestartsys && (action.flags & abi::kSaRestart) != 0);
  if (restart) {
    RestartCall(task, registers.orig_rax);
  } else {
    registers.rax = static_cast<uint64_t>(int64_t{-EINTR});
  }
}

void RunHandler(Task& task, const abi::SigInfo& info, const abi::SigAction& action,
                int interrupted_call) {
  if (interrupted_call != 0) {
    FinishCallForHandler(task, interrupted_call, action);
  }
  abi::SignalSet return_mask;
  {
    MutexGuard guard(kernel().tasks().lock());
    return_mask = task.signals.restore_saved_mask ? task.signals.saved_mask : task.signals.blocked;
    task.signals.restore_saved_mask = false;
  }
  if (!PushSignalFrame(task, info, action, return_mask).ok()) {
    // As on Linux: a frame that cannot be written is a fault of its own, fatal when it was
    // SIGSEGV's.
    if (info.signal == abi::kSigSegv) {
      MutexGuard guard(kernel().tasks().lock());
      task.thread_group().actions->actions[static_cast<size_t>(abi::kSigSegv) - 1] = {};
    }
    ForceSignal(task, KernelSignal(abi::kSigSegv));
    return;
  }
  MutexGuard guard(kernel().tasks().lock());
  task.signals.blocked |= action.mask & ~abi::kUnblockableSignals;
  if ((action.flags & abi::kSaNodefer) == 0) {
    task.signals.blocked |= abi::SignalBit(info.signal);
  }
  RecalculatePendingLocked(task);
}

}  // namespace

bool SignalPending(const Task& task) {
  return task.signal_pending().load(std::memory_order_acquire);
}

void RecalculatePendingLocked(Task& task) {
  const ThreadGroup& group = task.thread_group();
  abi::SignalSet deliverable =
      (task.signals.pending.set | group.pending.set) & ~task.signals.blocked;
  task.signal_pending().store(task.exiting.load() || deliverable != 0 ||
                              (group.stop.stopped && !task.signals.parked));
}

bool TakeSignalLocked(Task& task, abi::SignalSet set, abi::SigInfo* info) {
  bool taken =
      TakeFrom(task.signals.pending, set, info) || TakeFrom(task.thread_group().pending, set, info);
  if (taken) {
    RecalculatePendingLocked(task);
    if (info->code == abi::kSiTimer) {
      task.thread_group().timer_overruns[info->timer.id] = info->timer.overrun;
    }
  }
  return taken;
}

abi::SignalSet PendingSet(const Task& task) {
  MutexGuard guard(kernel().tasks().lock());
  return task.signals.pending.set | task.thread_group().pending.set;
}

void DeliverSignals(Task& task, int interrupted_call) {
  abi::SigAction action;
  for (;;) {
    abi::SigInfo info;
    Step step;
    {
      MutexGuard guard(kernel().tasks().lock());
      RecalculatePendingLocked(task);
      step = NextStepLocked(task, &info, &action);
    }
    if (info.signal != 0) {
      StraceSignal(task, info);
    }
    if (step == Step::kHandler) {
      RunHandler(task, info, action, interrupted_call);
      return;
    }
    if (step == Step::kPark) {
      Park(task);
    } else if (step == Step::kDone) {
      break;
    }
  }
  if (task.exiting.load()) {
    return;
  }
  if (interrupted_call == kErestartRestartblock) {
    RestartCall(task, SYS_restart_syscall);
  } else if (interrupted_call != 0) {
    RestartCall(task, task.registers().orig_rax);
  }
  MutexGuard guard(kernel().tasks().lock());
  if (task.signals.restore_saved_mask) {
    task.signals.restore_saved_mask = false;
    task.signals.blocked = task.signals.saved_mask;
  }
  RecalculatePendingLocked(task);
}

void SetBlockedMask(Task& task, abi::SignalSet mask) {
  MutexGuard guard(kernel().tasks().lock());
  abi::SignalSet newly_blocked = mask & ~task.signals.blocked;
  task.signals.blocked = mask & ~abi::kUnblockableSignals;
  RecalculatePendingLocked(task);
  // A signal of the group that this task would have taken is another task's now.
  if ((task.thread_group().pending.set & newly_blocked) != 0) {
    for (Task* other = task.thread_group().tasks; other != nullptr; other = other->next_in_group) {
      if (other != &task) {
        RecalculatePendingLocked(*other);
        if (other->signal_pending().load()) {
          other->Kick();
        }
      }
    }
  }
}

void SetTemporaryMask(Task& task, abi::SignalSet mask) {
  MutexGuard guard(kernel().tasks().lock());
  if (!task.signals.restore_saved_mask) {
    task.signals.saved_mask = task.signals.blocked;
    task.signals.restore_saved_mask = true;
  }
  task.signals.blocked = mask & ~abi::kUnblockableSignals;
  RecalculatePendingLocked(task);
}

void ResetSignalsOnExec(Task& task) {
  ThreadGroup& group = task.thread_group();
  MutexGuard guard(kernel().tasks().lock());
  // Handlers may be shared with another process (CLONE_SIGHAND without CLONE_THREAD).
  auto fresh = MakeRef<SignalActions>();
  for (size_t i = 0; i < fresh->actions.size(); ++i) {
    if (group.actions->actions[i].handler == abi::kSigIgn) {
      fresh->actions[i].handler = abi::kSigIgn;
    }
  }
  std::swap(group.actions, fresh);
  task.signals.alternate_stack = abi::SigAltStack{};
  RecalculatePendingLocked(task);
}

}  // namespace ukrun
