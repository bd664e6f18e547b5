#include "sentry/syscalls/unshare.h"

#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/clone.h"

namespace ukrun {
Result<void> Unshare(Task& task, uint64_t flags) {
  constexpr uint64_t kKnown = CLONE_FILES | CLONE_FS | CLONE_SYSVSEM | CLONE_THREAD |
                              CLONE_SIGHAND | CLONE_VM | kNewNamespaceFlags;
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
  if ((flags & kNewNamespaceFlags) != 0) {
    return Fail(EPERM);
  }
  if ((flags & CLONE_FS) != 0) {
    task.set_fs(task.fs().Clone());
  }
  if ((flags & CLONE_FILES) != 0) {
    task.UnshareFds();
  }
  return Ok();
}

}  // namespace ukrun
