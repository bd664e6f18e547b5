#include "sentry/task/access.h"

#include "sentry/kernel.h"
#include "sentry/task/credentials.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

bool IsSameUser(uint32_t uid, uint32_t gid, const Credentials& target) {
  return uid == target.uid && uid == target.euid && uid == target.suid && gid == target.gid &&
         gid == target.egid && gid == target.sgid;
}

bool MayAccess(const Task& accessor, const Task& target, AccessIds ids) {
  if (&accessor.thread_group() == &target.thread_group()) {
    return true;
  }
  const Credentials& mine = accessor.credentials();
  if (mine.Has(Capability::kSysPtrace)) {
    return true;
  }
  RefPtr<const Credentials> theirs = target.SharedCredentials();
  if (!theirs) {
    return false;
  }
  bool of_files = ids == AccessIds::kFileSystem;
  CapabilitySet held = of_files ? mine.effective : mine.permitted;
  bool weaker = (theirs->permitted & ~held) == 0;
  if (!weaker ||
      !IsSameUser(of_files ? mine.fsuid : mine.uid, of_files ? mine.fsgid : mine.gid, *theirs)) {
    return false;
  }
  MutexGuard guard(kernel().tasks().lock());
  return target.thread_group().dumpable;
}

}  // namespace ukrun
