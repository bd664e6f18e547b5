#include "sentry/syscalls/unshare.h"

#include <linux/sched.h>

#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME;

}  // namespace

Result<void> Unshare(Task& task, uint64_t flags) {
  constexpr uint64_t kKnown = CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD |
                              CLONE_SIGHAND | CLONE_VM | kNamespaces;
  if ((flags & ~kKnown) != 0) {
    return Fail(EINVAL);
  }
  // Threads, handlers and memory cannot be unshared; asking is no error for a task that
  // shares them with nobody.
  if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) != 0) {
    bool alone;
    {
      MutexGuard guard(kernel().tasks().lock());
      alone = task.thread_group().live_tasks == 1;
    }
    if (!alone || ((flags & CLONE_VM) != 0 && task.mm().shared())) {
      return Fail(EINVAL);
    }
  }
  if ((flags & kNamespaces) != 0) {
    return Fail(EPERM);
  }
  if ((flags & CLONE_FS) != 0) {
    task.set_fs(task.fs().Clone());
  }
  if ((flags & CLONE_FILES) != 0 && task.fds().shared()) {
    RefPtr<FdTable> old = RefPtr<FdTable>::Share(&task.fds());
    task.set_fds(old->Clone());
    if (old->RemoveUser()) {
      old->CloseAll(task);
    }
  }
  return Ok();
}

}  // namespace ukrun
