#include "sentry/task/clone.h"

#include <linux/sched.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/exit.h"
#include "sentry/task/task_loop.h"
#include "sentry/time/process_timers.h"

namespace ukrun {
namespace {

Result<void> CheckFlags(const Task& parent, const CloneRequest& request) {
  uint64_t flags = request.flags;
  auto has = [flags](uint64_t flag) { return (flags & flag) != 0; };
  if ((has(CLONE_SIGHAND) && !has(CLONE_VM)) || (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) ||
      (has(CLONE_FS) && (has(CLONE_NEWNS) || has(CLONE_NEWUSER))) ||
      (has(CLONE_CLEAR_SIGHAND) && has(CLONE_SIGHAND)) ||
      (has(CLONE_PIDFD) && has(CLONE_DETACHED))) {
    return Fail(EINVAL);
  }
  if (has(CLONE_PARENT) && kernel().tasks().init() == &parent.thread_group()) {
    return Fail(EINVAL);  // PID 1 would make a sibling of itself
  }
  if (has(kNewNamespaceFlags)) {
    return Fail(EPERM);
  }
  return Ok();
}

// RLIMIT_NPROC: processes of the same real user (root and friends are exempt).
Result<void> CheckProcessLimit(const Task& parent) {
  const Credentials& credentials = parent.credentials();
  uint64_t limit = parent.thread_group().GetLimit(kRlimitNproc).soft;
  if (limit == UINT64_MAX || credentials.uid == 0 || credentials.Has(Capability::kSysResource) ||
      credentials.Has(Capability::kSysAdmin)) {
    return Ok();
  }
  // Nearly always there are fewer tasks than that of all users together.
  if (kernel().tasks().TaskCount() < limit) {
    return Ok();
  }
  uint64_t count = 0;
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    for (const RefPtr<Task>& task : kernel().tasks().TasksOf(*group)) {
      RefPtr<const Credentials> theirs = task->SharedCredentials();
      count += theirs && theirs->uid == credentials.uid ? 1u : 0u;
    }
  }
  return count >= limit ? Result<void>(Fail(EAGAIN)) : Ok();
}

struct NewSpace {
  RefPtr<MemoryManager> mm;
  std::unique_ptr<ParkedThread> thread;
};

Result<NewSpace> CopyMemory(Task& parent, bool share) {
  if (share) {
    NewSpace same;
    same.thread = TRY(parent.mm().space().NewThread());
    same.mm = RefPtr<MemoryManager>::Share(&parent.mm());
    same.mm->AddUser();
    return same;
  }
  MemoryManager::Forked forked = TRY(parent.mm().Fork());
  return NewSpace{std::move(forked.mm), std::move(forked.thread)};
}

TaskResources CopyResources(Task& parent, uint64_t flags, RefPtr<MemoryManager> mm) {
  TaskResources resources;
  resources.mm = std::move(mm);
  if ((flags & CLONE_FILES) != 0) {
    resources.fds = RefPtr<FdTable>::Share(&parent.fds());
    resources.fds->AddUser();
  } else {
    resources.fds = parent.fds().Clone();
  }
  resources.fs =
      (flags & CLONE_FS) != 0 ? RefPtr<FsContext>::Share(&parent.fs()) : parent.fs().Clone();
  resources.credentials = parent.SharedCredentials();
  return resources;
}

RefPtr<SignalActions> CopyActions(const ThreadGroup& parent, uint64_t flags) {
  if ((flags & CLONE_SIGHAND) != 0) {
    return parent.actions;
  }
  auto actions = MakeRef<SignalActions>();
  actions->actions = parent.actions->actions;
  if ((flags & CLONE_CLEAR_SIGHAND) != 0) {
    for (abi::SigAction& action : actions->actions) {
      if (action.handler != abi::kSigIgn) {
        action = abi::SigAction{};
      }
    }
  }
  return actions;
}

// The group of a new process. Requires the tree's lock.
RefPtr<ThreadGroup> MakeGroupLocked(Task& parent, const CloneRequest& request, int32_t pid) {
  ThreadGroup& parent_group = parent.thread_group();
  auto group = MakeRef<ThreadGroup>(pid);
  group->actions = CopyActions(parent_group, request.flags);
  group->exit_signal = request.exit_signal;
  ThreadGroup* father = &parent_group;
  if ((request.flags & CLONE_PARENT) != 0) {
    father = parent_group.parent;
    group->exit_signal = parent_group.exit_signal;
  }
  group->parent = father;
  group->parent_pid.store(father->pid());
  group->parent_task = father == &parent_group ? &parent : nullptr;
  father->children.insert(group.get());
  group->SetAllLimits(parent_group.AllLimits());
  group->has_program = true;
  group->dumpable = parent_group.dumpable;
  group->personality.store(parent_group.personality.load());
  group->out_of_memory_score_adjust.store(parent_group.out_of_memory_score_adjust.load());
  static_cast<void>(SetProcessGroupLocked(*group, parent_group.process_group));
  kernel().tasks().AddGroupLocked(group);
  return group;
}

// A fork while it lasts. As on Linux, a signal for the whole process group reaches the parent
// before the fork, or both parent and child.
class ForkInProgress {
 public:
  explicit ForkInProgress(Task& parent) : group_(parent.thread_group()) {}
  ~ForkInProgress() {
    if (begun_) {
      MutexGuard guard(kernel().tasks().lock());
      EndLocked();
    }
  }
  ForkInProgress(const ForkInProgress&) = delete;
  ForkInProgress& operator=(const ForkInProgress&) = delete;

  // Errors: kErestartnointr when the parent has a signal to take first.
  Result<void> Begin(const Task& parent) {
    MutexGuard guard(kernel().tasks().lock());
    if (SignalPending(parent)) {
      return Fail(kErestartnointr);
    }
    group_.forks.push_back(&signals_);
    begun_ = true;
    return Ok();
  }
  // The child is a member now, and gets its signals itself.
  void EndLocked(ThreadGroup& child) {
    EndLocked();
    AddForkedSignalsLocked(child, signals_);
  }

 private:
  void EndLocked() {
    std::erase(group_.forks, &signals_);
    begun_ = false;
  }

  ThreadGroup& group_;
  abi::SignalSet signals_ = 0;
  bool begun_ = false;
};

struct Birth {
  RefPtr<Task> task;
  RefPtr<ThreadGroup> group;
};

// Puts the new task into the tree. Requires that the parent is not ending.
Result<Birth> Register(Task& parent, const CloneRequest& request, TaskResources resources,
                       ForkInProgress& fork) {
  TaskTree& tree = kernel().tasks();
  bool thread = (request.flags & CLONE_THREAD) != 0;
  MutexGuard guard(tree.lock());
  if (parent.exiting.load() || parent.thread_group().group_exiting) {
    return Fail(kErestartnointr);
  }
  int32_t id = tree.NewIdLocked();
  if (id == 0) {
    return Fail(EAGAIN);
  }
  Birth birth;
  birth.group = thread ? RefPtr<ThreadGroup>::Share(&parent.thread_group())
                       : MakeGroupLocked(parent, request, id);
  birth.task = MakeRef<Task>(id, birth.group, std::move(resources));
  if (!thread) {
    birth.group->leader = birth.task.get();
  }
  birth.task->signals.blocked = parent.signals.blocked;
  bool keeps_stack = (request.flags & CLONE_VM) == 0 || (request.flags & CLONE_VFORK) != 0;
  if (keeps_stack) {
    birth.task->signals.alternate_stack = parent.signals.alternate_stack;
  }
  birth.task->nice.store(parent.nice.load());
  birth.task->scheduling_policy.store(parent.scheduling_policy.load());
  birth.task->signal_pending().store(birth.group->stop.stopped);
  tree.AddTaskLocked(birth.task);
  if (!thread) {
    fork.EndLocked(*birth.group);
  }
  return birth;
}

// Undoes Register when the host refused.
void Unregister(Birth& birth) {
  TaskTree& tree = kernel().tasks();
  RefPtr<ProcessGroup> process_group;
  bool thread = birth.group->leader != birth.task.get();
  TaskResources resources = birth.task->Resources();
  resources.mm->RemoveUser();
  resources.fds->Leave(*birth.task);
  MutexGuard guard(tree.lock());
  --birth.group->live_tasks;
  tree.RemoveTaskLocked(*birth.task);
  if (!thread) {
    birth.group->leader = nullptr;
    birth.group->parent->children.erase(birth.group.get());
    process_group = SetProcessGroupLocked(*birth.group, nullptr);
    tree.RemoveGroupLocked(*birth.group);
  }
}

void WaitForVfork(Task& parent, VforkLatch& latch) {
  SleeperWaiter waiter(parent.sleeper());
  latch.waiters.Add(waiter, Ready::kReadable);
  for (;;) {
    uint32_t seen = parent.sleeper().Prepare();
    // Only death interrupts a vfork.
    if (latch.done.load() || parent.exiting.load()) {
      break;
    }
    parent.sleeper().Sleep(seen, kNoDeadline);
  }
  latch.waiters.Remove(waiter);
}

}  // namespace

Result<int64_t> CloneTask(Task& parent, const CloneRequest& request) {
  TRY(CheckFlags(parent, request));
  TRY(CheckProcessLimit(parent));
  ForkInProgress fork(parent);
  if ((request.flags & CLONE_THREAD) == 0) {
    TRY(fork.Begin(parent));
  }
  NewSpace space = TRY(CopyMemory(parent, (request.flags & CLONE_VM) != 0));
  TaskResources resources = CopyResources(parent, request.flags, std::move(space.mm));
  Result<Birth> birth = Register(parent, request, resources, fork);
  if (!birth.ok()) {
    resources.fds->Leave(parent);
    resources.mm->RemoveUser();
    return birth.failure();
  }
  RefPtr<Task> child = birth->task;
  child->set_name(parent.name());
  child->set_affinity(parent.affinity());
  int32_t tid = child->tid();

  if ((request.flags & CLONE_CHILD_CLEARTID) != 0) {
    child->clear_child_tid = request.child_tid;
  }
  RefPtr<VforkLatch> latch;
  if ((request.flags & CLONE_VFORK) != 0) {
    latch = MakeRef<VforkLatch>();
    child->vfork_latch = latch;
  }
  if ((request.flags & CLONE_PARENT_SETTID) != 0) {
    static_cast<void>(parent.memory().Write(request.parent_tid, &tid, sizeof(tid)));
  }
  if ((request.flags & CLONE_PIDFD) != 0) {
    Result<void> installed = InstallPidfd(parent, *birth->group, request.pidfd);
    if (!installed.ok()) {
      Unregister(*birth);
      return installed.failure();
    }
  }

  if ((request.flags & CLONE_THREAD) == 0) {
    birth->group->timers().ApplyCpuLimit();
  }
  TaskStart start;
  start.task = child;
  start.thread = std::move(space.thread);
  abi::Registers registers = parent.registers();
  registers.rax = 0;
  if (!request.stack.is_null()) {
    registers.rsp = request.stack.value();
  }
  if ((request.flags & CLONE_SETTLS) != 0) {
    registers.fs_base = request.tls;
  }
  GuestAddr set_tid = (request.flags & CLONE_CHILD_SETTID) != 0 ? request.child_tid : GuestAddr();
  start.prepare = [registers, set_tid](Task& task) -> Result<void> {
    task.registers() = registers;
    if (!set_tid.is_null()) {
      int32_t own = task.tid();
      static_cast<void>(task.memory().Write(set_tid, &own, sizeof(own)));
    }
    return Ok();
  };
  Result<void> started = StartTask(std::move(start));
  if (!started.ok()) {
    Unregister(*birth);
    return started.failure();
  }
  if (latch) {
    WaitForVfork(parent, *latch);
  }
  return int64_t{tid};
}

}  // namespace ukrun
