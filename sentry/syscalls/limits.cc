#include "sentry/syscalls/limits.h"

#include <time.h>

#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/access.h"
#include "sentry/task/exit.h"
#include "sentry/task/usage.h"
#include "sentry/time/process_timers.h"

namespace ukrun {
namespace {

constexpr uint64_t kMostDescriptors = 1'048'576;  // fs.nr_open
constexpr int64_t kTickNs = 10'000'000;           // USER_HZ is 100

Result<void> ChangeLimit(Task& task, Task& target, int resource, const Rlimit64& wanted) {
  ThreadGroup& group = target.thread_group();
  if (wanted.soft > wanted.hard) {
    return Fail(EINVAL);
  }
  if (resource == kRlimitNofile && wanted.hard > kMostDescriptors) {
    return Fail(EPERM);
  }
  ResourceLimit current = group.GetLimit(resource);
  if (wanted.hard > current.hard && !task.credentials().Has(Capability::kSysResource)) {
    return Fail(EPERM);
  }
  group.SetLimit(resource, ResourceLimit{wanted.soft, wanted.hard});
  if (resource == kRlimitCpu) {
    group.timers().ApplyCpuLimit();
  }
  if (resource == kRlimitStack) {
    if (RefPtr<MemoryManager> mm = target.Resources().mm) {
      mm->stack_limit.store(wanted.soft);
    }
  }
  return Ok();
}

Result<RefPtr<Task>> FindTarget(Task& task, int32_t pid) {
  if (pid == 0 || pid == task.thread_group().pid()) {
    return RefPtr<Task>::Share(&task);
  }
  RefPtr<Task> other = kernel().tasks().FindTask(pid);
  if (!other) {
    return Fail(ESRCH);
  }
  RefPtr<const Credentials> theirs = other->SharedCredentials();
  const Credentials& mine = task.credentials();
  if (!IsSameUser(mine.uid, mine.gid, *theirs) && !mine.Has(Capability::kSysResource)) {
    return Fail(EPERM);
  }
  return other;
}

// Of the calling process, with what the host has counted of the memory that it has now.
ResourceUsage OwnUsage(Task& task) {
  Result<HostUsage> memory = task.mm().space().Usage();
  MutexGuard guard(kernel().tasks().lock());
  ResourceUsage usage = UsageLocked(task.thread_group());
  if (memory.ok()) {
    usage.max_resident_kib = std::max(usage.max_resident_kib, memory->peak_resident_kib);
    usage.minor_faults += memory->minor_faults;
    usage.major_faults += memory->major_faults;
  }
  return usage;
}

}  // namespace

Result<void> Getrlimit(Task& task, uint32_t resource, UserOut<Rlimit64> out) {
  return Prlimit64(task, 0, resource, UserIn<Rlimit64>{}, out);
}

Result<void> Setrlimit(Task& task, uint32_t resource, UserIn<Rlimit64> in) {
  if (in.is_null()) {
    return Fail(EFAULT);
  }
  return Prlimit64(task, 0, resource, in, UserOut<Rlimit64>{});
}

Result<void> Prlimit64(Task& task, int32_t pid, uint32_t resource, UserIn<Rlimit64> in,
                       UserOut<Rlimit64> out) {
  if (resource >= kRlimitCount) {
    return Fail(EINVAL);
  }
  Rlimit64 wanted{};
  if (!in.is_null()) {
    wanted = TRY(in.Load(task.memory()));
  }
  RefPtr<Task> target = TRY(FindTarget(task, pid));
  int which = static_cast<int>(resource);
  ResourceLimit old = target->thread_group().GetLimit(which);
  if (!in.is_null()) {
    TRY(ChangeLimit(task, *target, which, wanted));
  }
  return out.is_null() ? Ok() : out.Store(task.memory(), Rlimit64{old.soft, old.hard});
}

Result<void> Getrusage(Task& task, int32_t who, UserOut<abi::Rusage> out) {
  constexpr int32_t kSelf = 0, kChildren = -1, kThread = 1;
  ResourceUsage usage;
  switch (who) {
    case kSelf: {
      usage = OwnUsage(task);
      break;
    }
    case kChildren: {
      MutexGuard guard(kernel().tasks().lock());
      usage = task.thread_group().waited_children;
      break;
    }
    case kThread:
      usage.user_ns = task.UserTimeNs();
      usage.system_ns = task.SystemTimeNs();
      break;
    default:
      return Fail(EINVAL);
  }
  return out.Store(task.memory(), ToRusage(usage));
}

Result<int64_t> Times(Task& task, UserOut<TimesLayout> out) {
  TimesLayout times{};
  {
    MutexGuard guard(kernel().tasks().lock());
    ResourceUsage own = UsageLocked(task.thread_group());
    const ResourceUsage& children = task.thread_group().waited_children;
    times = TimesLayout{own.user_ns / kTickNs, own.system_ns / kTickNs, children.user_ns / kTickNs,
                        children.system_ns / kTickNs};
  }
  if (!out.is_null()) {
    TRY(out.Store(task.memory(), times));
  }
  return HostClockNs(CLOCK_MONOTONIC) / kTickNs;
}

}  // namespace ukrun
