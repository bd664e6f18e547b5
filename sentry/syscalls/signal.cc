#include "sentry/syscalls/signal.h"

#include <signal.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel.h"
#include "sentry/signal/actions.h"
#include "sentry/signal/frame.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

bool ValidSignal(int32_t signal) { return signal >= 1 && signal <= abi::kSignalCount; }

Result<void> CheckSetSize(uint64_t size) {
  return size == sizeof(abi::SignalSet) ? Ok() : Result<void>(Fail(EINVAL));
}

// Drops pending signals that have just become ignored (POSIX 3.3.1.3).
void DropIgnoredLocked(ThreadGroup& group, int signal) {
  abi::SignalSet bit = abi::SignalBit(signal);
  auto drop = [bit, signal](PendingSignals& pending) {
    if ((pending.set & bit) != 0) {
      std::erase_if(pending.queue,
                    [signal](const abi::SigInfo& info) { return info.signal == signal; });
      pending.set &= ~bit;
    }
  };
  drop(group.pending);
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    drop(task->signals.pending);
    RecalculatePendingLocked(*task);
  }
}

// Sends to one process, or only looks whether it could (signal 0).
enum class Audience : uint8_t { kOne, kMany };
Result<void> SendTo(Task& sender, ThreadGroup& target, const abi::SigInfo& info,
                    Audience audience = Audience::kOne) {
  if (!MaySignal(sender, target, info.signal)) {
    return Fail(EPERM);
  }
  if (info.signal == 0) {
    return Ok();
  }
  return audience == Audience::kMany ? SendSignalToManyLocked(target, info)
                                     : SendSignalLocked(target, info);
}

// kill(2) to many: succeeds if one could be signalled.
Result<void> SendToManyLocked(Task& sender, const abi::SigInfo& info,
                              const std::vector<ThreadGroup*>& groups) {
  bool sent = false;
  for (ThreadGroup* group : groups) {
    sent = SendTo(sender, *group, info, Audience::kMany).ok() || sent;
  }
  return sent ? Ok() : Result<void>(Fail(groups.empty() ? ESRCH : EPERM));
}

Result<void> SendToEverybody(Task& sender, const abi::SigInfo& info) {
  TaskTree& tree = kernel().tasks();
  std::vector<RefPtr<ThreadGroup>> all = tree.AllGroups();
  MutexGuard guard(tree.lock());
  std::vector<ThreadGroup*> others;
  for (const RefPtr<ThreadGroup>& group : all) {
    if (group->process_group && group != tree.init() && group != &sender.thread_group()) {
      others.push_back(group.get());
    }
  }
  return SendToManyLocked(sender, info, others);
}

Result<void> SendToProcessGroup(Task& sender, int32_t id, const abi::SigInfo& info) {
  const TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  ProcessGroup* group =
      id == 0 ? sender.thread_group().process_group.get() : tree.FindProcessGroupLocked(id);
  if (group == nullptr) {
    return Fail(ESRCH);
  }
  return SendToManyLocked(sender, info, {group->members.begin(), group->members.end()});
}

Result<void> SendToTask(Task& sender, int32_t pid, int32_t tid, const abi::SigInfo& info) {
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  Task* target = tree.FindTaskLocked(tid);
  if (target == nullptr || (pid > 0 && target->thread_group().pid() != pid)) {
    return Fail(ESRCH);
  }
  if (!MaySignal(sender, target->thread_group(), info.signal)) {
    return Fail(EPERM);
  }
  return info.signal == 0 ? Ok() : SendSignalLocked(*target, info);
}

Result<void> SendByTid(Task& task, int32_t pid, int32_t tid, int32_t signal) {
  if (signal < 0 || signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  return SendToTask(task, pid, tid, UserSignal(task, signal, abi::kSiTkill));
}

// siginfo that a guest made up: only itself may claim to be the kernel or kill(2).
Result<abi::SigInfo> LoadInfo(Task& task, GuestAddr address, int32_t signal, bool to_itself) {
  abi::SigInfo info;
  TRY(task.memory().Read(&info, address, sizeof(info)));
  info.signal = signal;
  if ((info.code >= 0 || info.code == abi::kSiTkill) && !to_itself) {
    return Fail(EPERM);
  }
  return info;
}

}  // namespace

Result<void> RtSigaction(Task& task, int32_t signal, UserIn<abi::SigAction> action,
                         UserOut<abi::SigAction> old_action, uint64_t set_size) {
  TRY(CheckSetSize(set_size));
  abi::SigAction wanted;
  if (!action.is_null()) {
    wanted = TRY(action.Load(task.memory()));
  }
  if (!ValidSignal(signal) ||
      (!action.is_null() && (abi::SignalBit(signal) & abi::kUnblockableSignals) != 0)) {
    return Fail(EINVAL);
  }
  ThreadGroup& group = task.thread_group();
  abi::SigAction old;
  {
    MutexGuard guard(kernel().tasks().lock());
    abi::SigAction& current = group.actions->actions[static_cast<size_t>(signal) - 1];
    old = current;
    if (!action.is_null()) {
      constexpr uint64_t kKnown = abi::kSaNocldstop | abi::kSaNocldwait | abi::kSaSiginfo |
                                  abi::kSaOnstack | abi::kSaRestart | abi::kSaNodefer |
                                  abi::kSaResethand | abi::kSaRestorer | 0x800;
      wanted.flags &= kKnown;
      wanted.mask &= ~abi::kUnblockableSignals;
      current = wanted;
      if (ActionIgnores(wanted, signal)) {
        DropIgnoredLocked(group, signal);
      }
    }
  }
  return old_action.is_null() ? Ok() : old_action.Store(task.memory(), old);
}

Result<void> RtSigprocmask(Task& task, int32_t how, UserIn<uint64_t> set, UserOut<uint64_t> old_set,
                           uint64_t set_size) {
  TRY(CheckSetSize(set_size));
  abi::SignalSet old = task.signals.blocked;
  if (!set.is_null()) {
    abi::SignalSet value = TRY(set.Load(task.memory()));
    switch (how) {
      case SIG_BLOCK:
        SetBlockedMask(task, old | value);
        break;
      case SIG_UNBLOCK:
        SetBlockedMask(task, old & ~value);
        break;
      case SIG_SETMASK:
        SetBlockedMask(task, value);
        break;
      default:
        return Fail(EINVAL);
    }
  }
  return old_set.is_null() ? Ok() : old_set.Store(task.memory(), old);
}

Result<void> RtSigpending(Task& task, GuestAddr set, uint64_t set_size) {
  if (set_size > sizeof(abi::SignalSet)) {
    return Fail(EINVAL);
  }
  abi::SignalSet pending = PendingSet(task) & task.signals.blocked;
  return task.memory().Write(set, &pending, set_size);
}

Result<void> RtSigsuspend(Task& task, UserIn<uint64_t> set, uint64_t set_size) {
  TRY(CheckSetSize(set_size));
  SetTemporaryMask(task, TRY(set.Load(task.memory())));
  return Pause(task);
}

Result<void> Pause(Task& task) {
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    if (SleepTask(task, seen) == WakeReason::kInterrupted) {
      return Fail(kErestartnohand);
    }
  }
}

Result<int32_t> RtSigtimedwait(Task& task, UserIn<uint64_t> set, GuestAddr info_out,
                               UserIn<abi::Timespec> timeout, uint64_t set_size) {
  TRY(CheckSetSize(set_size));
  abi::SignalSet wanted = TRY(set.Load(task.memory())) & ~abi::kUnblockableSignals;
  int64_t deadline = kNoDeadline;
  if (!timeout.is_null()) {
    abi::Timespec duration = TRY(timeout.Load(task.memory()));
    if (!duration.valid()) {
      return Fail(EINVAL);
    }
    deadline = DeadlineAfter(duration.ToNs());
  }
  abi::SigInfo info;
  auto attempt = [&]() -> Result<void> {
    MutexGuard guard(kernel().tasks().lock());
    return TakeSignalLocked(task, wanted, &info) ? Ok() : Result<void>(Fail(EAGAIN));
  };
  Result<void> taken =
      BlockOn(task, task.thread_group().signal_waiters, Ready::kReadable, attempt, deadline);
  if (taken.Is(kErestartsys)) {
    taken = attempt();  // a signal of the set is taken even if it is not blocked
    taken = taken.Is(EAGAIN) ? Result<void>(Fail(EINTR)) : taken;
  }
  if (!taken.ok()) {
    // A signal outside the set ends the wait for good.
    return taken.failure();
  }
  if (!info_out.is_null()) {
    TRY(task.memory().Write(info_out, &info, sizeof(info)));
  }
  return info.signal;
}

Result<void> RtSigqueueinfo(Task& task, int32_t pid, int32_t signal, GuestAddr info_in) {
  bool to_itself = pid == task.thread_group().pid();
  abi::SigInfo info = TRY(LoadInfo(task, info_in, signal, to_itself));
  if (signal < 0 || signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  Task* target = tree.FindTaskLocked(pid);
  if (target == nullptr) {
    return Fail(ESRCH);
  }
  return SendTo(task, target->thread_group(), info);
}

Result<void> RtTgsigqueueinfo(Task& task, int32_t pid, int32_t tid, int32_t signal,
                              GuestAddr info_in) {
  if (pid <= 0 || tid <= 0) {
    return Fail(EINVAL);
  }
  bool to_itself = pid == task.thread_group().pid();
  abi::SigInfo info = TRY(LoadInfo(task, info_in, signal, to_itself));
  if (signal < 0 || signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  return SendToTask(task, pid, tid, info);
}

Result<void> RtSigreturn(Task& task) {
  task.registers_replaced = true;
  if (!PopSignalFrame(task).ok()) {
    ForceSignal(task, KernelSignal(abi::kSigSegv));
  }
  return Ok();
}

Result<void> Sigaltstack(Task& task, UserIn<abi::SigAltStack> stack,
                         UserOut<abi::SigAltStack> old_stack) {
  constexpr uint64_t kMinimumSize = 2048;  // MINSIGSTKSZ
  abi::SigAltStack& current = task.signals.alternate_stack;
  bool on_it = OnAlternateStack(current, task.registers().rsp);
  abi::SigAltStack old = current;
  old.flags |= on_it ? abi::kSsOnstack : 0;
  if (!stack.is_null()) {
    abi::SigAltStack wanted = TRY(stack.Load(task.memory()));
    if (on_it) {
      return Fail(EPERM);
    }
    uint32_t mode = static_cast<uint32_t>(wanted.flags) & ~abi::kSsAutodisarm;
    if (mode != static_cast<uint32_t>(abi::kSsDisable) && mode != 0 &&
        mode != static_cast<uint32_t>(abi::kSsOnstack)) {
      return Fail(EINVAL);
    }
    if (mode == static_cast<uint32_t>(abi::kSsDisable)) {
      wanted.pointer = 0;
      wanted.size = 0;
    } else if (wanted.size < kMinimumSize) {
      return Fail(ENOMEM);
    }
    wanted.flags &= ~abi::kSsOnstack;
    wanted.padding = 0;
    current = wanted;
  }
  return old_stack.is_null() ? Ok() : old_stack.Store(task.memory(), old);
}

Result<void> Kill(Task& task, int32_t pid, int32_t signal) {
  if (signal < 0 || signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  abi::SigInfo info = UserSignal(task, signal);
  TaskTree& tree = kernel().tasks();
  if (pid > 0) {
    MutexGuard guard(tree.lock());
    Task* target = tree.FindTaskLocked(pid);
    if (target == nullptr) {
      return Fail(ESRCH);
    }
    return SendTo(task, target->thread_group(), info);
  }
  if (pid == -1) {
    return SendToEverybody(task, info);
  }
  if (pid == INT32_MIN) {
    return Fail(ESRCH);
  }
  return SendToProcessGroup(task, -pid, info);
}

Result<void> Tkill(Task& task, int32_t tid, int32_t signal) {
  if (tid <= 0) {
    return Fail(EINVAL);
  }
  return SendByTid(task, 0, tid, signal);
}

Result<void> Tgkill(Task& task, int32_t pid, int32_t tid, int32_t signal) {
  if (pid <= 0 || tid <= 0) {
    return Fail(EINVAL);
  }
  return SendByTid(task, pid, tid, signal);
}

Result<void> PidfdSendSignal(Task& task, Fd pidfd, int32_t signal, GuestAddr info_in,
                             uint32_t flags) {
  if (flags != 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(pidfd));
  RefPtr<ThreadGroup> group = TRY(PidfdTarget(*file));
  if (signal < 0 || signal > abi::kSignalCount) {
    return Fail(EINVAL);
  }
  abi::SigInfo info = UserSignal(task, signal);
  if (!info_in.is_null()) {
    abi::SigInfo given;
    TRY(task.memory().Read(&given, info_in, sizeof(given)));
    if (given.signal != signal) {
      return Fail(EINVAL);
    }
    info = TRY(LoadInfo(task, info_in, signal, group.get() == &task.thread_group()));
  }
  MutexGuard guard(kernel().tasks().lock());
  if (group->zombie && group->leader == nullptr) {
    return Fail(ESRCH);
  }
  return SendTo(task, *group, info);
}

Result<int64_t> RestartSyscall(Task& task) {
  std::unique_ptr<RestartBlock> block = std::move(task.restart);
  if (!block) {
    return Fail(EINTR);
  }
  return block->Restart(task);
}

}  // namespace ukrun
