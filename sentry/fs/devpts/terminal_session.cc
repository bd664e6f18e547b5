// The terminal and job control: which session it controls, who is in the foreground, and
// what a hang-up does.
#include "sentry/fs/devpts/terminal.h"
#include "sentry/kernel.h"
#include "sentry/signal/signals.h"
#include "sentry/task/exit.h"
#include "sentry/vfs/attributes.h"

namespace ukrun {
namespace {

constexpr uint32_t kSlaveMajor = 136;

// Requires the tree's lock. The session's own group of that number, if it exists.
ProcessGroup* FindGroupOfLocked(const Session* session, int32_t group_id) {
  ProcessGroup* group = kernel().tasks().FindProcessGroupLocked(group_id);
  return group != nullptr && group->session.get() == session ? group : nullptr;
}

void SignalGroupLocked(ProcessGroup& group, int signal) {
  std::vector<ThreadGroup*> members(group.members.begin(), group.members.end());
  for (ThreadGroup* member : members) {
    static_cast<void>(SendSignalLocked(*member, KernelSignal(signal)));
  }
}

bool LeadsSessionLocked(const ThreadGroup& group) {
  return group.process_group && group.process_group->session->id == group.pid();
}

bool BlocksOrIgnoresLocked(const Task& task, int signal) {
  const ThreadGroup& group = task.thread_group();
  return (task.signals.blocked & abi::SignalBit(signal)) != 0 ||
         group.actions->actions[static_cast<size_t>(signal) - 1].handler == abi::kSigIgn;
}

}  // namespace

uint64_t Terminal::device() const {
  return session_id() == 0 ? 0 : MakeDevice(kSlaveMajor, index_);
}

bool Terminal::Controls(const Task& task) const {
  MutexGuard guard(kernel().tasks().lock());
  const RefPtr<ProcessGroup>& group = task.thread_group().process_group;
  return group && group->session->terminal == this && group->session->id == session_id();
}

// --- Taking and losing ------------------------------------------------------------------------

void Terminal::TakeLocked(State& state, ThreadGroup& group) {
  MutexGuard guard(kernel().tasks().lock());
  const RefPtr<ProcessGroup>& process_group = group.process_group;
  state.session = process_group->session;
  state.session->terminal = RefPtr<ControllingTerminal>::Share(this);
  session_id_.store(state.session->id);
  foreground_.store(process_group->id);
}

void Terminal::TakeIfWanted(Task& task) {
  auto state = state_.Lock();
  ThreadGroup& group = task.thread_group();
  {
    MutexGuard guard(kernel().tasks().lock());
    if (state->session || !LeadsSessionLocked(group) || group.process_group->session->terminal) {
      return;
    }
  }
  TakeLocked(*state, group);
}

Result<void> Terminal::Take(Task& task, Steal steal) {
  Parted parted;
  auto state = state_.Lock();
  ThreadGroup& group = task.thread_group();
  {
    MutexGuard guard(kernel().tasks().lock());
    bool leads = LeadsSessionLocked(group);
    if (leads && state->session == group.process_group->session) {
      return Ok();
    }
    if (!leads || group.process_group->session->terminal) {
      return Fail(EPERM);
    }
  }
  if (state->session) {
    if (steal == Steal::kNo || !task.credentials().Has(Capability::kSysAdmin)) {
      return Fail(EPERM);
    }
    parted = DetachLocked(*state);
  }
  TakeLocked(*state, group);
  return Ok();
}

Terminal::Parted Terminal::DetachLocked(State& state) {
  Parted parted;
  parted.session = std::move(state.session);
  session_id_.store(0);
  foreground_.store(0);
  if (parted.session) {
    MutexGuard guard(kernel().tasks().lock());
    parted.terminal = std::move(parted.session->terminal);
  }
  return parted;
}

Result<void> Terminal::GiveUp(Task& task) {
  if (!Controls(task)) {
    return Fail(ENOTTY);
  }
  Parted parted;
  auto state = state_.Lock();
  {
    MutexGuard guard(kernel().tasks().lock());
    // For others than the leader, Linux takes the terminal from the one process; here it
    // belongs to sessions as a whole, and stays.
    if (!LeadsSessionLocked(task.thread_group())) {
      return Ok();
    }
  }
  SignalForegroundLocked(*state, abi::kSigHup);
  SignalForegroundLocked(*state, abi::kSigCont);
  parted = DetachLocked(*state);
  return Ok();
}

// --- Hang-ups ---------------------------------------------------------------------------------

// As Linux's __tty_hangup; but the foreground group hears of it at once, not only when the
// session's leader has ended of it.
Terminal::Parted Terminal::HangUpLocked(State& state) {
  hangups_.fetch_add(1);
  if (state.session) {
    {
      MutexGuard guard(kernel().tasks().lock());
      ThreadGroup* leader = kernel().tasks().FindGroupLocked(state.session->id);
      if (leader != nullptr) {
        static_cast<void>(SendSignalLocked(*leader, KernelSignal(abi::kSigHup)));
        static_cast<void>(SendSignalLocked(*leader, KernelSignal(abi::kSigCont)));
      }
    }
    SignalForegroundLocked(state, abi::kSigHup);
    SignalForegroundLocked(state, abi::kSigCont);
  }
  state.line.FlushInput();
  state.line.Start();
  slave_waiters_.Notify(Ready::kReadable | Ready::kWritable | Ready::kError | Ready::kHangUp);
  return DetachLocked(state);
}

void Terminal::SessionLeaderEnded(ThreadGroup& leader) {
  Parted parted;
  auto state = state_.Lock();
  if (state->session && state->session->id == leader.pid()) {
    parted = HangUpLocked(*state);
  }
}

// --- Foreground and background ----------------------------------------------------------------

Result<void> Terminal::CheckForeground(Task& task, int signal) {
  MutexGuard guard(kernel().tasks().lock());
  const RefPtr<ProcessGroup>& group = task.thread_group().process_group;
  if (!group || group->session->terminal != this || group->session->id != session_id()) {
    return Ok();
  }
  int32_t foreground = foreground_group();
  if (foreground == 0 || foreground == group->id) {
    return Ok();
  }
  if (BlocksOrIgnoresLocked(task, signal)) {
    return signal == abi::kSigTtin ? Fail(EIO) : Result<void>();
  }
  if (IsOrphanedLocked(*group)) {
    return Fail(EIO);
  }
  SignalGroupLocked(*group, signal);
  return Fail(kErestartsys);
}

Result<void> Terminal::SetForeground(Task& task, int32_t group_id) {
  Result<void> allowed = CheckForeground(task, abi::kSigTtou);
  if (!allowed.ok()) {
    return allowed.Is(EIO) ? Fail(ENOTTY) : allowed;
  }
  if (group_id < 0) {
    return Fail(EINVAL);
  }
  auto state = state_.Lock();
  MutexGuard guard(kernel().tasks().lock());
  const RefPtr<ProcessGroup>& own = task.thread_group().process_group;
  if (!state->session || !own || own->session != state->session || own->session->terminal != this) {
    return Fail(ENOTTY);
  }
  ProcessGroup* group = kernel().tasks().FindProcessGroupLocked(group_id);
  if (group == nullptr) {
    return Fail(ESRCH);
  }
  if (group->session != state->session) {
    return Fail(EPERM);
  }
  foreground_.store(group_id);
  return Ok();
}

void Terminal::SignalForegroundLocked(const State& state, int signal) {
  if (!state.session) {
    return;
  }
  MutexGuard guard(kernel().tasks().lock());
  if (ProcessGroup* group = FindGroupOfLocked(state.session.get(), foreground_group())) {
    SignalGroupLocked(*group, signal);
  }
}

void Terminal::SignalForeground(int signal) {
  auto state = state_.Lock();
  SignalForegroundLocked(*state, signal);
}

}  // namespace ukrun
