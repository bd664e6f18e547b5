// pidfd: a descriptor that stands for a process (pidfd_open(2)). Readable once the process
// has ended.
#pragma once

#include "base/result.h"
#include "sentry/task/task.h"

namespace ukrun {

class ThreadGroup;

// Opens a descriptor for `group` in `task` and stores its number at `out`.
Result<void> InstallPidfd(Task& task, ThreadGroup& group, GuestAddr out);
Result<Fd> OpenPidfd(Task& task, ThreadGroup& group, bool nonblocking);
// The process that a pidfd stands for. Errors: EBADF when the file is something else.
Result<RefPtr<ThreadGroup>> PidfdTarget(File& file);

}  // namespace ukrun
