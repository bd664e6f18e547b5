#include "sentry/fs/proc/process_facts.h"

#include "sentry/kernel.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

char StateLetter(const Task& task, const ThreadGroup& group) {
  if (group.zombie) {
    return 'Z';
  }
  switch (task.state) {
    case TaskState::kRunning:
      return 'R';
    case TaskState::kSleeping:
      return 'S';
    case TaskState::kStopped:
      return 'T';
    case TaskState::kZombie:
      return 'Z';
    case TaskState::kDead:
      return 'X';
  }
  return 'R';
}

SignalFacts CollectSignalsLocked(const Task& task, const ThreadGroup& group) {
  SignalFacts facts;
  facts.pending = task.signals.pending.set;
  facts.group_pending = group.pending.set;
  facts.blocked = task.signals.blocked;
  facts.queued = task.signals.pending.queue.size() + group.pending.queue.size();
  if (group.actions) {
    for (int signal = 1; signal <= abi::kSignalCount; ++signal) {
      uint64_t handler = group.actions->actions[static_cast<size_t>(signal) - 1].handler;
      if (handler == abi::kSigIgn) {
        facts.ignored |= abi::SignalBit(signal);
      } else if (handler != abi::kSigDfl) {
        facts.caught |= abi::SignalBit(signal);
      }
    }
  }
  return facts;
}

}  // namespace

ProcessFacts CollectFacts(const TargetView& view) {
  ProcessFacts facts;
  Task& task = view.task;
  ThreadGroup& group = view.group();
  RefPtr<ControllingTerminal> terminal;  // released without the lock
  MutexGuard guard(kernel().tasks().lock());
  facts.state = StateLetter(task, group);
  facts.parent_pid = group.parent_pid.load();
  if (group.process_group) {
    facts.process_group = group.process_group->id;
    facts.session = group.process_group->session->id;
    terminal = group.process_group->session->terminal;
  }
  if (terminal) {
    facts.terminal_device = terminal->device();
    facts.foreground_group = terminal->foreground_group();
  }
  facts.threads = group.zombie ? 1 : group.live_tasks;
  facts.exit_signal = view.whole_process() ? group.exit_signal : -1;
  facts.exit_status = group.zombie ? group.exit_status : 0;
  if (view.whole_process()) {
    facts.usage = UsageLocked(group);
  } else {
    facts.usage.user_ns = task.UserTimeNs();
    facts.usage.system_ns = task.SystemTimeNs();
  }
  facts.waited_children = group.waited_children;
  facts.signals = CollectSignalsLocked(task, group);
  return facts;
}

std::string_view StateName(char state) {
  switch (state) {
    case 'S':
      return "S (sleeping)";
    case 'T':
      return "T (stopped)";
    case 'Z':
      return "Z (zombie)";
    case 'X':
      return "X (dead)";
    default:
      return "R (running)";
  }
}

uint64_t ToTicks(int64_t ns) {
  constexpr int64_t kTickNs = 10'000'000;
  return static_cast<uint64_t>(ns / kTickNs);
}

}  // namespace ukrun
