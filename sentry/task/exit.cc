#include "sentry/task/exit.h"

#include <algorithm>

#include "base/check.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/time/process_timers.h"

namespace ukrun {
namespace {

constinit std::atomic<uint32_t> g_sandbox_ended{0};
constinit std::atomic<int> g_sandbox_status{0};

bool IsSignalDeath(int wait_status) { return (wait_status & 0x7f) != 0; }

abi::SigInfo ChildInfo(const ThreadGroup& group) {
  abi::SigInfo info;
  info.signal = group.exit_signal;
  info.child.pid = group.pid();
  if (group.leader != nullptr) {
    info.child.uid = group.leader->SharedCredentials()->uid;
  }
  if (IsSignalDeath(group.exit_status)) {
    info.code = (group.exit_status & 0x80) != 0 ? abi::kCldDumped : abi::kCldKilled;
    info.child.status = group.exit_status & 0x7f;
  } else {
    info.code = abi::kCldExited;
    info.child.status = (group.exit_status >> 8) & 0xff;
  }
  ResourceUsage usage = UsageLocked(group);
  constexpr int64_t kTickNs = 10'000'000;
  info.child.user_ticks = usage.user_ns / kTickNs;
  info.child.system_ticks = usage.system_ns / kTickNs;
  return info;
}

// As wait(2) says under NOTES: such parents never see zombies.
bool ParentIgnores(const ThreadGroup& group) {
  const ThreadGroup* parent = group.parent;
  if (parent == nullptr || group.exit_signal != abi::kSigChld) {
    return false;
  }
  const abi::SigAction& action = parent->actions->actions[static_cast<size_t>(abi::kSigChld) - 1];
  return action.handler == abi::kSigIgn || (action.flags & abi::kSaNocldwait) != 0;
}

ThreadGroup* NewParentFor(ThreadGroup& orphan_of) {
  for (ThreadGroup* ancestor = orphan_of.parent; ancestor != nullptr; ancestor = ancestor->parent) {
    if (ancestor->child_subreaper && !ancestor->group_exiting && !ancestor->zombie) {
      return ancestor;
    }
  }
  return kernel().tasks().init();
}

void SendDeathSignalsLocked(ThreadGroup& child) {
  for (Task* task = child.tasks; task != nullptr; task = task->next_in_group) {
    if (task->parent_death_signal != 0) {
      static_cast<void>(SendSignalLocked(*task, KernelSignal(task->parent_death_signal)));
    }
  }
}

// Hands the children to a subreaper or PID 1. Zombies that nobody will wait for are put
// into `reaped`.
void ReparentChildrenLocked(ThreadGroup& group, std::vector<ReapedGroup>& reaped) {
  ThreadGroup* heir = NewParentFor(group);
  if (heir == &group) {
    return;
  }
  std::set<ThreadGroup*> children;
  children.swap(group.children);
  bool to_init = heir == kernel().tasks().init();
  for (ThreadGroup* child : children) {
    child->parent = heir;
    child->parent_pid.store(heir->pid());
    heir->children.insert(child);
    child->exit_signal = abi::kSigChld;
    child->adopted = to_init;
    child->parent_task = nullptr;
    SendDeathSignalsLocked(*child);
    if (!child->zombie) {
      continue;
    }
    if (child->adopted || ParentIgnores(*child)) {
      reaped.push_back(ReapLocked(*child));
    } else {
      NotifyParentLocked(*child, ChildInfo(*child));
    }
  }
}

void SignalOrphanedGroupLocked(ProcessGroup& group) {
  bool any_stopped = false;
  for (const ThreadGroup* member : group.members) {
    any_stopped = any_stopped || member->stop.stopped;
  }
  if (!any_stopped) {
    return;
  }
  std::vector<ThreadGroup*> members(group.members.begin(), group.members.end());
  for (ThreadGroup* member : members) {
    static_cast<void>(SendSignalLocked(*member, KernelSignal(abi::kSigHup)));
    static_cast<void>(SendSignalLocked(*member, KernelSignal(abi::kSigCont)));
  }
}

// The last task of a group has ended. Requires the lock.
void FinishGroupLocked(ThreadGroup& group, std::vector<ReapedGroup>& reaped) {
  TaskTree& tree = kernel().tasks();
  group.zombie = true;
  // Its own group and its children's groups may now be orphaned.
  std::vector<RefPtr<ProcessGroup>> affected;
  if (group.process_group && !IsOrphanedLocked(*group.process_group)) {
    affected.push_back(group.process_group);
  }
  for (ThreadGroup* child : group.children) {
    if (child->process_group && child->process_group != group.process_group &&
        !IsOrphanedLocked(*child->process_group)) {
      affected.push_back(child->process_group);
    }
  }
  ReparentChildrenLocked(group, reaped);
  for (const RefPtr<ProcessGroup>& candidate : affected) {
    if (IsOrphanedLocked(*candidate, &group)) {
      SignalOrphanedGroupLocked(*candidate);
    }
  }
  if (tree.init() == &group) {
    g_sandbox_status.store(group.exit_status);
    g_sandbox_ended.store(1);
    HostFutexWake(g_sandbox_ended, 1);
    return;
  }
  group.exit_waiters.Notify(Ready::kReadable);
  bool ignored_by_handler =
      group.parent != nullptr && group.exit_signal == abi::kSigChld &&
      group.parent->actions->actions[static_cast<size_t>(abi::kSigChld) - 1].handler ==
          abi::kSigIgn;
  if (group.exit_signal != 0 && !group.adopted && !ignored_by_handler) {
    NotifyParentLocked(group, ChildInfo(group));
  } else if (group.parent != nullptr) {
    group.parent->child_waiters.Notify(Ready::kReadable);
  }
  if (group.adopted || ParentIgnores(group)) {
    reaped.push_back(ReapLocked(group));
  }
}

// A session leader that ends takes the session's terminal away from everybody.
void ReleaseTerminal(ThreadGroup& group) {
  RefPtr<ControllingTerminal> terminal;
  {
    MutexGuard guard(kernel().tasks().lock());
    if (group.process_group && group.process_group->session->id == group.pid()) {
      terminal = group.process_group->session->terminal;
    }
  }
  if (terminal) {
    terminal->SessionLeaderEnded(group);
  }
}

// Children of a thread that ends before its process: their parent-death signal comes, and
// they belong to no thread any more.
void LeaveChildrenLocked(const Task& task) {
  for (ThreadGroup* child : task.thread_group().children) {
    if (child->parent_task == &task) {
      child->parent_task = nullptr;
      SendDeathSignalsLocked(*child);
    }
  }
}

void ReleaseResources(Task& task) {
  TaskResources resources = task.Resources();
  if (resources.mm) {
    LeaveMemory(task);
    resources.mm->RemoveUser();
  }
  if (task.vfork_latch) {
    task.vfork_latch->Release();
  }
  if (resources.fds) {
    resources.fds->Leave(task);
  }
  task.set_fds(nullptr);
  task.set_fs(nullptr);
  task.TakeContext().reset();
  task.set_mm(nullptr);
  if (resources.mm) {
    AddHostUsage(task.thread_group(), resources.mm->space().FinalUsage());
  }
}

}  // namespace

std::atomic<uint32_t>& SandboxEnded() { return g_sandbox_ended; }
int SandboxStatus() { return g_sandbox_status.load(); }

void BeginGroupExitLocked(ThreadGroup& group, int wait_status) {
  if (!group.group_exiting) {
    group.group_exiting = true;
    group.exit_status = wait_status;
  }
  group.stop = StopState{};
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    task->exiting.store(true);
    task->signal_pending().store(true);
    task->Kick();
  }
}

void BeginGroupExit(ThreadGroup& group, int wait_status) {
  MutexGuard guard(kernel().tasks().lock());
  BeginGroupExitLocked(group, wait_status);
}

bool EndOtherTasks(Task& task) {
  ThreadGroup& group = task.thread_group();
  TaskTree& tree = kernel().tasks();
  SleeperWaiter waiter(task.sleeper());
  group.exit_waiters.Add(waiter, Ready::kReadable);
  bool mine = false;
  {
    MutexGuard guard(tree.lock());
    if (!group.group_exiting && group.exec_task == nullptr && !task.exiting.load()) {
      mine = true;
      group.exec_task = &task;
      for (Task* other = group.tasks; other != nullptr; other = other->next_in_group) {
        if (other != &task) {
          other->exiting.store(true);
          other->signal_pending().store(true);
          other->Kick();
        }
      }
    }
  }
  while (mine) {
    uint32_t seen = task.sleeper().Prepare();
    {
      MutexGuard guard(tree.lock());
      if (group.group_exiting) {
        mine = false;
        break;
      }
      if (group.live_tasks == 1) {
        break;
      }
    }
    task.sleeper().Sleep(seen, kNoDeadline);
  }
  group.exit_waiters.Remove(waiter);
  RefPtr<Task> old_leader;
  RefPtr<Task> self;
  {
    MutexGuard guard(tree.lock());
    if (group.exec_task == &task) {
      group.exec_task = nullptr;
    }
    if (mine && group.leader != &task) {
      // The executing thread becomes the leader and takes its id.
      old_leader = RefPtr<Task>::Share(group.leader);
      self = RefPtr<Task>::Share(&task);
      tree.RemoveTaskLocked(*old_leader);
      tree.RemoveTaskLocked(task);
      task.AssumeTid(group.pid());
      group.leader = &task;
      --group.live_tasks;
      tree.AddTaskLocked(self);
    }
  }
  return mine;
}

void LeaveMemory(Task& task) {
  ReleaseRobustFutexes(task);
  if (!task.clear_child_tid.is_null() && task.mm().shared()) {
    // As on Linux, errors are of no interest here.
    uint32_t zero = 0;
    static_cast<void>(task.memory().Write(task.clear_child_tid, &zero, sizeof(zero)));
    static_cast<void>(FutexWakeShared(task, task.clear_child_tid, 1));
  }
  task.robust_list = GuestAddr();
  task.clear_child_tid = GuestAddr();
}

void ExitTask(Task& task) {
  ReleaseResources(task);
  TaskTree& tree = kernel().tasks();
  ThreadGroup& group = task.thread_group();
  RefPtr<ThreadGroup> keep_group = RefPtr<ThreadGroup>::Share(&group);
  RefPtr<Task> keep_task = RefPtr<Task>::Share(&task);
  std::vector<ReapedGroup> reaped;
  bool last = false;
  {
    MutexGuard guard(tree.lock());
    last = group.live_tasks == 1;
    if (!group.group_exiting && last) {
      group.group_exiting = true;
      group.exit_status = task.exit_status;
    }
  }
  if (last) {
    group.timers().DeleteAll();
    ReleaseTerminal(group);
  }
  {
    MutexGuard guard(tree.lock());
    task.state = TaskState::kZombie;
    group.ended_tasks.user_ns += task.UserTimeNs();
    group.ended_tasks.system_ns += task.SystemTimeNs();
    --group.live_tasks;
    // The leader's id stays taken until the whole group has been waited for.
    if (group.leader != &task) {
      tree.RemoveTaskLocked(task);
    }
    if (group.live_tasks == 0) {
      FinishGroupLocked(group, reaped);
    } else {
      LeaveChildrenLocked(task);
      group.exit_waiters.Notify(Ready::kWritable | Ready::kReadable);
    }
  }
}

ReapedGroup ReapLocked(ThreadGroup& group) {
  TaskTree& tree = kernel().tasks();
  ReapedGroup reaped;
  reaped.group = RefPtr<ThreadGroup>::Share(&group);
  if (group.parent != nullptr) {
    ResourceUsage usage = UsageLocked(group);
    ResourceUsage& total = group.parent->waited_children;
    total.user_ns += usage.user_ns + group.waited_children.user_ns;
    total.system_ns += usage.system_ns + group.waited_children.system_ns;
    total.max_resident_kib = std::max(
        {total.max_resident_kib, usage.max_resident_kib, group.waited_children.max_resident_kib});
    total.minor_faults += usage.minor_faults + group.waited_children.minor_faults;
    total.major_faults += usage.major_faults + group.waited_children.major_faults;
    group.parent->children.erase(&group);
    group.parent = nullptr;
  }
  reaped.process_group = SetProcessGroupLocked(group, nullptr);
  if (group.leader != nullptr) {
    reaped.leader = RefPtr<Task>::Share(group.leader);
    group.leader->state = TaskState::kDead;
    tree.RemoveTaskLocked(*group.leader);
    group.leader = nullptr;
  }
  tree.RemoveGroupLocked(group);
  return reaped;
}

void AddHostUsage(ThreadGroup& group, const HostUsage& usage) {
  MutexGuard guard(kernel().tasks().lock());
  ResourceUsage& ended = group.ended_tasks;
  ended.max_resident_kib = std::max(ended.max_resident_kib, usage.peak_resident_kib);
  ended.minor_faults += usage.minor_faults;
  ended.major_faults += usage.major_faults;
}

ResourceUsage UsageLocked(const ThreadGroup& group) {
  ResourceUsage usage = group.ended_tasks;
  for (const Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    if (task->state != TaskState::kZombie) {
      usage.user_ns += task->UserTimeNs();
      usage.system_ns += task->SystemTimeNs();
    }
  }
  return usage;
}

RefPtr<ProcessGroup> SetProcessGroupLocked(ThreadGroup& group, RefPtr<ProcessGroup> to) {
  RefPtr<ProcessGroup> from = std::move(group.process_group);
  if (from) {
    from->members.erase(&group);
    if (from->members.empty()) {
      kernel().tasks().RemoveProcessGroupLocked(*from);
    }
  }
  group.process_group = std::move(to);
  if (group.process_group) {
    group.process_group->members.insert(&group);
  }
  return from;
}

bool IsOrphanedLocked(const ProcessGroup& group, const ThreadGroup* ignoring) {
  for (const ThreadGroup* member : group.members) {
    if (member == ignoring || member->zombie) {
      continue;
    }
    // The parent of PID 1 is outside: the caller's shell, which hears of stops and continues.
    if (member == kernel().tasks().init()) {
      return false;
    }
    // A parent that merely adopted the member controls nothing; PID 1 may be a shell.
    const ThreadGroup* parent = member->parent;
    if (parent != nullptr && !member->adopted && parent->process_group &&
        parent->process_group.get() != &group && parent->process_group->session == group.session) {
      return false;
    }
  }
  return true;
}

}  // namespace ukrun
