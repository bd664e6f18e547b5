#include "sentry/syscalls/system.h"

#include <linux/random.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "sentry/kernel.h"
#include "sentry/kernel_version.h"
#include "sentry/start/settings.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

void CopyField(char (&field)[65], std::string_view text) {
  text.copy(field, std::min(text.size(), sizeof(field) - 1));
}

Result<std::string> LoadName(Task& task, GuestAddr name, int32_t size) {
  if (!task.credentials().Has(Capability::kSysAdmin)) {
    return Fail(EPERM);
  }
  if (size < 0 || size > 64) {
    return Fail(EINVAL);
  }
  std::string text(static_cast<size_t>(size), '\0');
  TRY(task.memory().Read(text.data(), name, text.size()));
  return text;
}

// struct sysinfo
struct SysinfoLayout {
  int64_t uptime;
  uint64_t loads[3];
  uint64_t total_memory, free_memory, shared_memory, buffer_memory, total_swap, free_swap;
  uint16_t processes;
  uint16_t padding;
  uint32_t padding2;
  uint64_t total_high, free_high;
  uint32_t memory_unit;
  uint32_t padding3;
};
static_assert(sizeof(SysinfoLayout) == 112);

Result<RefPtr<Task>> TaskOrSelf(Task& task, int32_t pid) {
  if (pid < 0) {
    return Fail(EINVAL);
  }
  RefPtr<Task> target = pid == 0 ? RefPtr<Task>::Share(&task) : kernel().tasks().FindTask(pid);
  if (!target) {
    return Fail(ESRCH);
  }
  return target;
}

// Policies that exist; only the time-sharing ones may be chosen, as without CAP_SYS_NICE
// over the host.
constexpr int32_t kOther = 0, kFifo = 1, kRoundRobin = 2, kBatch = 3, kIdle = 5, kDeadline = 6;
bool IsTimeSharing(int32_t policy) {
  return policy == kOther || policy == kBatch || policy == kIdle;
}
bool IsRealtime(int32_t policy) { return policy == kFifo || policy == kRoundRobin; }

Result<std::vector<RefPtr<Task>>> PrioritySubjects(Task& task, int32_t which, int32_t who) {
  std::vector<RefPtr<Task>> tasks;
  TaskTree& tree = kernel().tasks();
  if (which == 0) {  // PRIO_PROCESS
    RefPtr<Task> one = who == 0 ? RefPtr<Task>::Share(&task) : tree.FindTask(who);
    if (one) {
      tasks.push_back(std::move(one));
    }
  } else if (which == 1 || which == 2) {  // PRIO_PGRP, PRIO_USER
    int32_t own_group = 0;
    {
      MutexGuard guard(tree.lock());
      own_group = task.thread_group().process_group->id;
    }
    for (const RefPtr<ThreadGroup>& group : tree.AllGroups()) {
      for (RefPtr<Task>& member : tree.TasksOf(*group)) {
        RefPtr<const Credentials> theirs = member->SharedCredentials();
        uint32_t wanted_user = who == 0 ? task.credentials().uid : static_cast<uint32_t>(who);
        bool in_group =
            group->process_group && group->process_group->id == (who == 0 ? own_group : who);
        if (which == 1 ? in_group : theirs && theirs->uid == wanted_user) {
          tasks.push_back(std::move(member));
        }
      }
    }
  } else {
    return Fail(EINVAL);
  }
  if (tasks.empty()) {
    return Fail(ESRCH);
  }
  return tasks;
}

}  // namespace

Result<void> Uname(Task& task, UserOut<Utsname> out) {
  Utsname names{};
  CopyField(names.fields[0], "Linux");
  {
    auto host = kernel().names().Lock();
    CopyField(names.fields[1], host->host_name);
    CopyField(names.fields[5], host->domain_name);
  }
  CopyField(names.fields[2], kKernelRelease);
  CopyField(names.fields[3], kKernelVersion);
  CopyField(names.fields[4], "x86_64");
  return out.Store(task.memory(), names);
}

Result<void> Sethostname(Task& task, GuestAddr name, int32_t size) {
  std::string text = TRY(LoadName(task, name, size));
  std::swap(kernel().names().Lock()->host_name, text);
  return Ok();
}

Result<void> Setdomainname(Task& task, GuestAddr name, int32_t size) {
  std::string text = TRY(LoadName(task, name, size));
  std::swap(kernel().names().Lock()->domain_name, text);
  return Ok();
}

Result<void> Sysinfo(Task& task, GuestAddr out) {
  const SandboxSettings& settings = kernel().settings();
  SysinfoLayout info{};
  // As /proc/uptime; guests read this clock themselves.
  info.uptime = HostClockNs(CLOCK_BOOTTIME) / 1'000'000'000;
  info.total_memory = settings.memory_bytes;
  uint64_t used = std::min(kernel().shared_memory().used(), settings.memory_bytes);
  info.free_memory = settings.memory_bytes - used;
  info.shared_memory = used;
  info.processes = static_cast<uint16_t>(std::min(kernel().tasks().TaskCount(), 0xffffu));
  info.memory_unit = 1;
  return task.memory().Write(out, &info, sizeof(info));
}

Result<int64_t> Getrandom(Task& task, GuestAddr buffer, uint64_t size, uint32_t flags) {
  constexpr uint32_t kInsecure = 4;
  if ((flags & ~(uint32_t{GRND_NONBLOCK | GRND_RANDOM} | kInsecure)) != 0 ||
      ((flags & GRND_RANDOM) != 0 && (flags & kInsecure) != 0)) {
    return Fail(EINVAL);
  }
  size = std::min<uint64_t>(size, INT32_MAX);
  uint64_t done = 0;
  char piece[256];
  while (done < size) {
    size_t count = std::min<uint64_t>(sizeof(piece), size - done);
    TRY(HostCall(SYS_getrandom, piece, count, 0));
    Result<void> stored = task.memory().Write(buffer + done, piece, count);
    if (!stored.ok()) {
      return done > 0 ? Result<int64_t>(static_cast<int64_t>(done)) : stored.failure();
    }
    done += count;
  }
  return static_cast<int64_t>(done);
}

// The kernel log of the sandbox is empty.
Result<int64_t> Syslog(Task& task, int32_t command, GuestAddr buffer, int32_t size) {
  constexpr int32_t kReadAll = 3, kSizeBuffer = 10;
  if (command < 0 || command > kSizeBuffer ||
      (command >= 2 && command <= 4 && (size < 0 || buffer.is_null()))) {
    return Fail(EINVAL);
  }
  if (command != kReadAll && command != kSizeBuffer &&
      !task.credentials().Has(Capability::kSyslog)) {
    return Fail(EPERM);
  }
  return int64_t{command == kSizeBuffer ? 4096 : 0};
}

Result<void> SchedYield(Task&) {
  RawHostCall(SYS_sched_yield);
  return Ok();
}

Result<int64_t> SchedGetaffinity(Task& task, int32_t pid, uint32_t size, GuestAddr mask) {
  RefPtr<Task> target = TRY(TaskOrSelf(task, pid));
  uint32_t cpus = kernel().settings().cpu_count;
  uint32_t bytes = (cpus + 63) / 64 * 8;
  if (size < bytes || (size & 7) != 0) {
    return Fail(EINVAL);
  }
  std::vector<uint64_t> words = target->affinity();
  words.resize(bytes / 8);
  TRY(task.memory().Write(mask, words.data(), bytes));
  return int64_t{bytes};
}

// Kept and shown; where threads really run is the platform's business.
Result<void> SchedSetaffinity(Task& task, int32_t pid, uint32_t size, GuestAddr mask) {
  RefPtr<Task> target = TRY(TaskOrSelf(task, pid));
  uint32_t cpus = kernel().settings().cpu_count;
  std::vector<uint64_t> words((cpus + 63) / 64);
  TRY(task.memory().Read(words.data(), mask, std::min<uint64_t>(size, words.size() * 8)));
  bool any = false;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i == words.size() - 1 && cpus % 64 != 0) {
      words[i] &= (uint64_t{1} << (cpus % 64)) - 1;
    }
    any = any || words[i] != 0;
  }
  if (!any) {
    return Fail(EINVAL);
  }
  target->set_affinity(std::move(words));
  return Ok();
}

Result<int32_t> SchedGetscheduler(Task& task, int32_t pid) {
  return TRY(TaskOrSelf(task, pid))->scheduling_policy.load();
}

Result<void> SchedSetscheduler(Task& task, int32_t pid, int32_t policy, UserIn<int32_t> param) {
  if (param.is_null()) {
    return Fail(EINVAL);
  }
  int32_t priority = TRY(param.Load(task.memory()));
  RefPtr<Task> target = TRY(TaskOrSelf(task, pid));
  constexpr int32_t kResetOnFork = 0x40000000;
  policy &= ~kResetOnFork;
  if (IsRealtime(policy)) {
    return priority < 1 || priority > 99 ? Result<void>(Fail(EINVAL)) : Fail(EPERM);
  }
  if (!IsTimeSharing(policy) || priority != 0) {
    return Fail(EINVAL);
  }
  target->scheduling_policy.store(policy);
  return Ok();
}

Result<void> SchedGetparam(Task& task, int32_t pid, UserOut<int32_t> param) {
  if (param.is_null()) {
    return Fail(EINVAL);
  }
  TRY(TaskOrSelf(task, pid));
  return param.Store(task.memory(), 0);
}

Result<void> SchedSetparam(Task& task, int32_t pid, UserIn<int32_t> param) {
  int32_t policy = TRY(TaskOrSelf(task, pid))->scheduling_policy.load();
  return SchedSetscheduler(task, pid, policy, param);
}

Result<int32_t> SchedGetPriorityMax(Task&, int32_t policy) {
  if (IsRealtime(policy)) {
    return 99;
  }
  return IsTimeSharing(policy) || policy == kDeadline ? Result<int32_t>(0) : Fail(EINVAL);
}

Result<int32_t> SchedGetPriorityMin(Task&, int32_t policy) {
  if (IsRealtime(policy)) {
    return 1;
  }
  return IsTimeSharing(policy) || policy == kDeadline ? Result<int32_t>(0) : Fail(EINVAL);
}

Result<void> SchedRrGetInterval(Task& task, int32_t pid, GuestAddr out) {
  TRY(TaskOrSelf(task, pid));
  int64_t slice[2] = {0, 4'000'000};
  return task.memory().Write(out, slice, sizeof(slice));
}

Result<void> Getcpu(Task& task, UserOut<uint32_t> cpu, UserOut<uint32_t> node) {
  uint32_t number = static_cast<uint32_t>(task.tid()) % kernel().settings().cpu_count;
  if (!cpu.is_null()) {
    TRY(cpu.Store(task.memory(), number));
  }
  return node.is_null() ? Ok() : node.Store(task.memory(), 0);
}

// The raw call answers 20 - nice, so that it is never negative.
Result<int32_t> Getpriority(Task& task, int32_t which, int32_t who) {
  int32_t best = 0;
  for (const RefPtr<Task>& subject : TRY(PrioritySubjects(task, which, who))) {
    best = std::max(best, 20 - subject->nice.load());
  }
  return best;
}

Result<void> Setpriority(Task& task, int32_t which, int32_t who, int32_t nice) {
  nice = std::clamp(nice, -20, 19);
  for (const RefPtr<Task>& subject : TRY(PrioritySubjects(task, which, who))) {
    if (nice < subject->nice.load() && !task.credentials().Has(Capability::kSysNice)) {
      return Fail(EACCES);
    }
    subject->nice.store(nice);
  }
  return Ok();
}

}  // namespace ukrun
