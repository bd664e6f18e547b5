// Sending: what happens when a signal is generated.
#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/signal/actions.h"
#include "sentry/signal/signals.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

constexpr abi::SignalSet kStopSignals =
    abi::SignalBit(abi::kSigStop) | abi::SignalBit(abi::kSigTstp) | abi::SignalBit(abi::kSigTtin) |
    abi::SignalBit(abi::kSigTtou);

void Discard(PendingSignals& pending, abi::SignalSet signals) {
  if ((pending.set & signals) == 0) {
    return;
  }
  std::erase_if(pending.queue, [signals](const abi::SigInfo& info) {
    return (abi::SignalBit(info.signal) & signals) != 0;
  });
  pending.set &= ~signals;
}

void DiscardEverywhere(ThreadGroup& group, abi::SignalSet signals) {
  Discard(group.pending, signals);
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    Discard(task->signals.pending, signals);
    RecalculatePendingLocked(*task);
  }
}

void ContinueLocked(ThreadGroup& group) {
  if (!group.stop.stopped) {
    return;
  }
  bool was_reported = group.stop.parked_tasks > 0;
  group.stop.stopped = false;
  group.stop.report_stop = false;
  group.stop.report_continue = was_reported;
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    RecalculatePendingLocked(*task);
    task->Kick();
  }
  if (was_reported) {
    abi::SigInfo info;
    info.signal = abi::kSigChld;
    info.code = abi::kCldContinued;
    info.child.pid = group.pid();
    info.child.status = abi::kSigCont;
    NotifyParentLocked(group, info);
  }
}

// Stop and continue signals cancel each other when they are generated, whatever becomes of
// them later (signal(7)).
void PrepareLocked(ThreadGroup& group, int signal) {
  if (signal == abi::kSigCont) {
    DiscardEverywhere(group, kStopSignals);
    ContinueLocked(group);
  } else if ((abi::SignalBit(signal) & kStopSignals) != 0) {
    DiscardEverywhere(group, abi::SignalBit(abi::kSigCont));
  }
}

bool IsIgnored(const ThreadGroup& group, const Task& task, int signal) {
  if ((task.signals.blocked & abi::SignalBit(signal)) != 0) {
    return false;  // it may be unblocked with another handler set
  }
  return ActionIgnores(group.actions->actions[static_cast<size_t>(signal) - 1], signal);
}

Result<void> Enqueue(const ThreadGroup& group, PendingSignals& pending, const abi::SigInfo& info) {
  abi::SignalSet bit = abi::SignalBit(info.signal);
  if (info.signal < abi::kSigRtMin && (pending.set & bit) != 0) {
    return Ok();  // standard signals do not queue
  }
  if (info.signal >= abi::kSigRtMin &&
      pending.queue.size() >= group.GetLimit(kRlimitSigpending).soft) {
    // kill(2) still gets through, without its information.
    if (info.code < 0 && info.code != abi::kSiTkill) {
      return Fail(EAGAIN);
    }
    if ((pending.set & bit) != 0) {
      return Ok();
    }
  }
  pending.set |= bit;
  pending.queue.push_back(info);
  return Ok();
}

void WakeForSignal(Task& task) {
  RecalculatePendingLocked(task);
  if (task.signal_pending().load()) {
    task.Kick();
  }
}

// A task of the group that takes the signal: the leader if it can, else any.
void WakeOneLocked(ThreadGroup& group, int signal) {
  abi::SignalSet bit = abi::SignalBit(signal);
  Task* chosen = nullptr;
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    if (task->state == TaskState::kZombie || (task->signals.blocked & bit) != 0) {
      continue;
    }
    if (chosen == nullptr || task == group.leader) {
      chosen = task;
    }
  }
  if (chosen != nullptr) {
    WakeForSignal(*chosen);
  }
}

}  // namespace

Result<void> SendSignalLocked(Task& task, const abi::SigInfo& info) {
  ThreadGroup& group = task.thread_group();
  if (group.zombie || task.state == TaskState::kZombie) {
    return Ok();
  }
  if (info.signal == abi::kSigKill) {
    BeginGroupExitLocked(group, abi::kSigKill);
    return Ok();
  }
  PrepareLocked(group, info.signal);
  if (IsIgnored(group, task, info.signal)) {
    return Ok();
  }
  TRY(Enqueue(group, task.signals.pending, info));
  WakeForSignal(task);
  group.signal_waiters.Notify(Ready::kReadable);
  return Ok();
}

Result<void> SendSignalLocked(ThreadGroup& group, const abi::SigInfo& info) {
  if (group.zombie || group.leader == nullptr) {
    return Ok();
  }
  if (info.signal == abi::kSigKill) {
    BeginGroupExitLocked(group, abi::kSigKill);
    return Ok();
  }
  PrepareLocked(group, info.signal);
  if (IsIgnored(group, *group.leader, info.signal)) {
    return Ok();
  }
  TRY(Enqueue(group, group.pending, info));
  WakeOneLocked(group, info.signal);
  group.signal_waiters.Notify(Ready::kReadable);
  return Ok();
}

Result<void> SendSignalToManyLocked(ThreadGroup& group, const abi::SigInfo& info) {
  TRY(SendSignalLocked(group, info));
  abi::SignalSet bit = abi::SignalBit(info.signal);
  for (abi::SignalSet* forked : group.forks) {
    // A stop and a continue signal cancel each other, see PrepareLocked.
    if (info.signal == abi::kSigCont) {
      *forked &= ~kStopSignals;
    } else if ((bit & kStopSignals) != 0) {
      *forked &= ~abi::SignalBit(abi::kSigCont);
    }
    *forked |= bit;
  }
  return Ok();
}

void AddForkedSignalsLocked(ThreadGroup& child, abi::SignalSet signals) {
  for (int signal = 1; signal <= abi::kSignalCount; ++signal) {
    if ((signals & abi::SignalBit(signal)) != 0) {
      // As on Linux, who sent it is lost.
      abi::SigInfo info;
      info.signal = signal;
      info.code = abi::kSiUser;
      static_cast<void>(SendSignalLocked(child, info));
    }
  }
}

Result<void> SendSignal(Task& task, const abi::SigInfo& info) {
  MutexGuard guard(kernel().tasks().lock());
  return SendSignalLocked(task, info);
}

Result<void> SendSignal(ThreadGroup& group, const abi::SigInfo& info) {
  MutexGuard guard(kernel().tasks().lock());
  return SendSignalLocked(group, info);
}

void SendSignal(ProcessGroup& group, const abi::SigInfo& info) {
  MutexGuard guard(kernel().tasks().lock());
  std::vector<ThreadGroup*> members(group.members.begin(), group.members.end());
  for (ThreadGroup* member : members) {
    static_cast<void>(SendSignalToManyLocked(*member, info));
  }
}

abi::SigInfo KernelSignal(int signal) {
  abi::SigInfo info;
  info.signal = signal;
  info.code = abi::kSiKernel;
  return info;
}

abi::SigInfo UserSignal(const Task& sender, int signal, int code) {
  abi::SigInfo info;
  info.signal = signal;
  info.code = code;
  info.queued.pid = sender.thread_group().pid();
  info.queued.uid = sender.credentials().uid;
  return info;
}

void ForceSignal(Task& task, const abi::SigInfo& info) {
  ThreadGroup& group = task.thread_group();
  MutexGuard guard(kernel().tasks().lock());
  abi::SignalSet bit = abi::SignalBit(info.signal);
  abi::SigAction& action = group.actions->actions[static_cast<size_t>(info.signal) - 1];
  if ((task.signals.blocked & bit) != 0 || action.handler == abi::kSigIgn) {
    action = abi::SigAction{};
    task.signals.blocked &= ~bit;
  }
  if ((task.signals.pending.set & bit) == 0) {
    task.signals.pending.set |= bit;
    task.signals.pending.queue.push_front(info);
  }
  RecalculatePendingLocked(task);
}

bool MaySignal(const Task& sender, const ThreadGroup& target, int signal) {
  const Credentials& mine = sender.credentials();
  if (mine.Has(Capability::kKill) || &sender.thread_group() == &target) {
    return true;
  }
  if (target.leader == nullptr) {
    return true;  // nothing will come of it
  }
  RefPtr<const Credentials> theirs = target.leader->SharedCredentials();
  if (theirs && (mine.euid == theirs->suid || mine.euid == theirs->uid ||
                 mine.uid == theirs->suid || mine.uid == theirs->uid)) {
    return true;
  }
  const RefPtr<ProcessGroup>& own = sender.thread_group().process_group;
  return signal == abi::kSigCont && own && target.process_group &&
         own->session == target.process_group->session;
}

void NotifyParentLocked(ThreadGroup& child, const abi::SigInfo& info) {
  ThreadGroup* parent = child.parent;
  if (parent == nullptr) {
    return;
  }
  const abi::SigAction& action = parent->actions->actions[static_cast<size_t>(abi::kSigChld) - 1];
  bool job_control = info.code == abi::kCldStopped || info.code == abi::kCldContinued;
  if (!job_control || (action.flags & abi::kSaNocldstop) == 0) {
    static_cast<void>(SendSignalLocked(*parent, info));
  }
  parent->child_waiters.Notify(Ready::kReadable);
}

}  // namespace ukrun
