// Making and ending tasks; their ids and groups.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

// struct clone_args of clone3(2), up to its third version.
struct CloneArgs {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
      set_tid_size, cgroup;
};

Result<int64_t> Clone(Task& task, uint64_t flags, GuestAddr stack, GuestAddr parent_tid,
                      GuestAddr child_tid, uint64_t tls);
Result<int64_t> Clone3(Task& task, GuestAddr arguments, uint64_t size);
Result<int64_t> Fork(Task& task);
Result<int64_t> Vfork(Task& task);
Result<void> Exit(Task& task, int32_t status);
Result<void> ExitGroup(Task& task, int32_t status);
Result<void> Execve(Task& task, UserString path, GuestAddr argv, GuestAddr envp);
Result<void> Execveat(Task& task, Fd directory, UserString path, GuestAddr argv, GuestAddr envp,
                      int32_t flags);
Result<int64_t> SetTidAddress(Task& task, GuestAddr address);

Result<int32_t> Getpid(Task& task);
Result<int32_t> Gettid(Task& task);
Result<int32_t> Getppid(Task& task);
Result<int32_t> Getpgrp(Task& task);
Result<int32_t> Getpgid(Task& task, int32_t pid);
Result<int32_t> Getsid(Task& task, int32_t pid);
Result<void> Setpgid(Task& task, int32_t pid, int32_t pgid);
Result<int32_t> Setsid(Task& task);

Result<Fd> PidfdOpen(Task& task, int32_t pid, uint32_t flags);
Result<Fd> PidfdGetfd(Task& task, Fd pidfd, Fd target, uint32_t flags);

}  // namespace ukrun
