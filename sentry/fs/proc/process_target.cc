#include "sentry/fs/proc/process_target.h"

#include "sentry/kernel.h"
#include "sentry/task/access.h"

namespace ukrun {

Result<RefPtr<Task>> ProcessTarget::Find() const {
  RefPtr<Task> task = kernel().tasks().FindTask(tid);
  if (!task || &task->thread_group() != group.get()) {
    return Fail(ESRCH);
  }
  return task;
}

PseudoOwner ProcessTarget::Owner(OwnerOf what) const {
  Result<RefPtr<Task>> task = Find();
  if (!task.ok()) {
    return {};
  }
  if (what == OwnerOf::kContents) {
    MutexGuard guard(kernel().tasks().lock());
    if (!group->dumpable) {
      return {};
    }
  }
  RefPtr<const Credentials> credentials = (*task)->SharedCredentials();
  return credentials ? PseudoOwner{credentials->euid, credentials->egid} : PseudoOwner{};
}

Result<void> CheckInspect(Task& reader, const Task& task) {
  return MayAccess(reader, task, AccessIds::kFileSystem) ? Ok() : Fail(EACCES);
}

uint64_t TargetNumber(const ProcessTarget& target, uint32_t index) {
  constexpr uint64_t kThread = uint64_t{1} << 24;
  uint64_t number = (static_cast<uint64_t>(target.tid) << 32) | index;
  return target.kind == TargetKind::kThread ? number | kThread : number;
}

}  // namespace ukrun
