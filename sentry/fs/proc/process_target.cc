#include "sentry/fs/proc/process_target.h"

#include "sentry/kernel.h"

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
  if (&reader.thread_group() == &task.thread_group()) {
    return Ok();
  }
  const Credentials& mine = reader.credentials();
  if (mine.Has(Capability::kSysPtrace)) {
    return Ok();
  }
  RefPtr<const Credentials> theirs = task.SharedCredentials();
  if (!theirs) {
    return Fail(EACCES);
  }
  bool same_user = mine.fsuid == theirs->euid && mine.fsuid == theirs->suid &&
                   mine.fsuid == theirs->uid;
  bool same_group = mine.fsgid == theirs->egid && mine.fsgid == theirs->sgid &&
                    mine.fsgid == theirs->gid;
  bool weaker = (theirs->permitted & ~mine.effective) == 0;
  MutexGuard guard(kernel().tasks().lock());
  return same_user && same_group && weaker && task.thread_group().dumpable ? Ok() : Fail(EACCES);
}

uint64_t TargetNumber(const ProcessTarget& target, uint32_t index) {
  constexpr uint64_t kThread = uint64_t{1} << 24;
  uint64_t number = (static_cast<uint64_t>(target.tid) << 32) | index;
  return target.kind == TargetKind::kThread ? number | kThread : number;
}

}  // namespace ukrun
