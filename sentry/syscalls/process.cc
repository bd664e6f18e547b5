#include "sentry/syscalls/process.h"

#include <linux/sched.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel.h"
#include "sentry/task/access.h"
#include "sentry/task/clone.h"
#include "sentry/task/exit.h"

namespace ukrun {
namespace {

constexpr uint64_t kExitSignalMask = 0xff;
constexpr uint64_t kCloneArgsFirstVersion = 64;

}  // namespace

// clone(2), in x86-64's argument order.
Result<int64_t> Clone(Task& task, uint64_t flags, GuestAddr stack, GuestAddr parent_tid,
                      GuestAddr child_tid, uint64_t tls) {
  CloneRequest request;
  // Flags that do not fit into 32 bits are clone3's alone.
  request.flags = flags & 0xffff'ffff & ~kExitSignalMask;
  request.exit_signal = static_cast<int32_t>(flags & kExitSignalMask);
  request.stack = stack;
  request.tls = tls;
  request.parent_tid = parent_tid;
  request.child_tid = child_tid;
  request.pidfd = parent_tid;
  if ((request.flags & CLONE_PIDFD) != 0 && (request.flags & CLONE_PARENT_SETTID) != 0) {
    return Fail(EINVAL);  // both want the same argument
  }
  return CloneTask(task, request);
}

// clone3(2)
Result<int64_t> Clone3(Task& task, GuestAddr arguments, uint64_t size) {
  if (size > 4096) {
    return Fail(E2BIG);
  }
  if (size < kCloneArgsFirstVersion) {
    return Fail(EINVAL);
  }
  CloneArgs args{};
  TRY(task.memory().Read(&args, arguments, std::min<uint64_t>(size, sizeof(args))));
  // What this kernel does not know must be zero.
  for (uint64_t at = sizeof(args); at < size; ++at) {
    char byte = 0;
    TRY(task.memory().Read(&byte, arguments + at, 1));
    if (byte != 0) {
      return Fail(E2BIG);
    }
  }
  constexpr uint64_t kIntoCgroup = uint64_t{1} << 33;
  if ((args.flags & kExitSignalMask & ~uint64_t{CLONE_NEWTIME}) != 0 ||
      (args.flags & CLONE_DETACHED) != 0 || (args.exit_signal & ~kExitSignalMask) != 0 ||
      args.exit_signal > abi::kSignalCount || (args.stack == 0) != (args.stack_size == 0) ||
      (args.flags & ~(uint64_t{0xffff'ffff} | (uint64_t{1} << 32) | kIntoCgroup)) != 0) {
    return Fail(EINVAL);
  }
  if ((args.flags & (CLONE_THREAD | CLONE_PARENT)) != 0 && args.exit_signal != 0) {
    return Fail(EINVAL);
  }
  if (args.set_tid_size > 32 || (args.set_tid == 0) != (args.set_tid_size == 0)) {
    return Fail(EINVAL);
  }
  if (args.set_tid_size != 0) {
    return Fail(EPERM);  // choosing pids needs CAP_CHECKPOINT_RESTORE
  }
  if ((args.flags & kIntoCgroup) != 0) {
    return Fail(EBADF);  // no descriptor is a cgroup
  }
  CloneRequest request;
  request.flags = args.flags;
  request.exit_signal = static_cast<int32_t>(args.exit_signal);
  request.stack = args.stack == 0 ? GuestAddr() : GuestAddr(args.stack + args.stack_size);
  request.tls = args.tls;
  request.parent_tid = GuestAddr(args.parent_tid);
  request.child_tid = GuestAddr(args.child_tid);
  request.pidfd = GuestAddr(args.pidfd);
  return CloneTask(task, request);
}

Result<int64_t> Fork(Task& task) {
  CloneRequest request;
  request.exit_signal = abi::kSigChld;
  return CloneTask(task, request);
}

Result<int64_t> Vfork(Task& task) {
  CloneRequest request;
  request.flags = CLONE_VFORK | CLONE_VM;
  request.exit_signal = abi::kSigChld;
  return CloneTask(task, request);
}

// exit(2) as the kernel has it: this thread only.
Result<void> Exit(Task& task, int32_t status) {
  MutexGuard guard(kernel().tasks().lock());
  task.exit_status = (status & 0xff) << 8;
  task.exiting.store(true);
  return Ok();
}

Result<void> ExitGroup(Task& task, int32_t status) {
  BeginGroupExit(task.thread_group(), (status & 0xff) << 8);
  return Ok();
}

Result<int64_t> SetTidAddress(Task& task, GuestAddr address) {
  task.clear_child_tid = address;
  return int64_t{task.tid()};
}

Result<int32_t> Getpid(Task& task) { return task.thread_group().pid(); }
Result<int32_t> Gettid(Task& task) { return task.tid(); }
Result<int32_t> Getppid(Task& task) { return task.thread_group().parent_pid.load(); }

Result<int32_t> Getpgrp(Task& task) { return Getpgid(task, 0); }

Result<int32_t> Getpgid(Task& task, int32_t pid) {
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  Task* target = pid == 0 ? &task : tree.FindTaskLocked(pid);
  if (target == nullptr || !target->thread_group().process_group) {
    return Fail(ESRCH);
  }
  return target->thread_group().process_group->id;
}

Result<int32_t> Getsid(Task& task, int32_t pid) {
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  Task* target = pid == 0 ? &task : tree.FindTaskLocked(pid);
  if (target == nullptr || !target->thread_group().process_group) {
    return Fail(ESRCH);
  }
  return target->thread_group().process_group->session->id;
}

// setpgid(2)
Result<void> Setpgid(Task& task, int32_t pid, int32_t pgid) {
  TaskTree& tree = kernel().tasks();
  ThreadGroup& caller = task.thread_group();
  pid = pid == 0 ? caller.pid() : pid;
  pgid = pgid == 0 ? pid : pgid;
  if (pgid < 0) {
    return Fail(EINVAL);
  }
  RefPtr<ProcessGroup> old;
  MutexGuard guard(tree.lock());
  ThreadGroup* group = tree.FindGroupLocked(pid);
  if (group == nullptr || group->zombie) {
    return Fail(ESRCH);
  }
  const RefPtr<Session>& session = caller.process_group->session;
  if (group != &caller) {
    if (group->parent != &caller) {
      return Fail(ESRCH);
    }
    if (group->process_group->session != session) {
      return Fail(EPERM);
    }
    if (group->has_execed) {
      return Fail(EACCES);
    }
  }
  if (group->process_group->session->id == group->pid()) {
    return Fail(EPERM);  // a session leader stays
  }
  RefPtr<ProcessGroup> target = RefPtr<ProcessGroup>::Share(tree.FindProcessGroupLocked(pgid));
  if (pgid != pid && (!target || target->session != session)) {
    return Fail(EPERM);
  }
  if (!target) {
    target = MakeRef<ProcessGroup>(pgid, session);
    tree.AddProcessGroupLocked(*target);
  }
  if (target != group->process_group) {
    old = SetProcessGroupLocked(*group, std::move(target));
  }
  return Ok();
}

// setsid(2)
Result<int32_t> Setsid(Task& task) {
  TaskTree& tree = kernel().tasks();
  ThreadGroup& group = task.thread_group();
  RefPtr<ProcessGroup> old;
  MutexGuard guard(tree.lock());
  if (tree.FindProcessGroupLocked(group.pid()) != nullptr) {
    return Fail(EPERM);
  }
  auto session = MakeRef<Session>(group.pid());
  auto process_group = MakeRef<ProcessGroup>(group.pid(), std::move(session));
  tree.AddProcessGroupLocked(*process_group);
  old = SetProcessGroupLocked(group, std::move(process_group));
  return group.pid();
}

// pidfd_open(2)
Result<Fd> PidfdOpen(Task& task, int32_t pid, uint32_t flags) {
  if ((flags & ~static_cast<uint32_t>(O_NONBLOCK)) != 0 || pid <= 0) {
    return Fail(EINVAL);
  }
  RefPtr<ThreadGroup> group;
  {
    TaskTree& tree = kernel().tasks();
    MutexGuard guard(tree.lock());
    group = RefPtr<ThreadGroup>::Share(tree.FindGroupLocked(pid));
    if (!group) {
      return Fail(tree.FindTaskLocked(pid) != nullptr ? EINVAL : ESRCH);
    }
  }
  return OpenPidfd(task, *group, (flags & O_NONBLOCK) != 0);
}

// pidfd_getfd(2): needs the right to trace the target.
Result<Fd> PidfdGetfd(Task& task, Fd pidfd, Fd target, uint32_t flags) {
  if (flags != 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(pidfd));
  RefPtr<ThreadGroup> group = TRY(PidfdTarget(*file));
  std::vector<RefPtr<Task>> tasks = kernel().tasks().TasksOf(*group);
  if (tasks.empty()) {
    return Fail(ESRCH);
  }
  if (!MayAccess(task, *tasks.front(), AccessIds::kReal)) {
    return Fail(EPERM);
  }
  TaskResources theirs = tasks.front()->Resources();
  if (!theirs.fds) {
    return Fail(ESRCH);
  }
  return task.InstallFile(TRY(theirs.fds->Get(target)), CloseOnExec::kYes);
}

}  // namespace ukrun
