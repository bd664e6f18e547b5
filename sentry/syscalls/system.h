// What the machine and the sandbox are: uname(2), sysinfo(2), getrandom(2), sched_*(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

// struct new_utsname
struct Utsname {
  char fields[6][65];
};

Result<void> Uname(Task& task, UserOut<Utsname> out);
Result<void> Sethostname(Task& task, GuestAddr name, int32_t size);
Result<void> Setdomainname(Task& task, GuestAddr name, int32_t size);
Result<void> Sysinfo(Task& task, GuestAddr out);
Result<int64_t> Getrandom(Task& task, GuestAddr buffer, uint64_t size, uint32_t flags);
Result<int64_t> Syslog(Task& task, int32_t command, GuestAddr buffer, int32_t size);

Result<void> SchedYield(Task& task);
Result<int64_t> SchedGetaffinity(Task& task, int32_t pid, uint32_t size, GuestAddr mask);
Result<void> SchedSetaffinity(Task& task, int32_t pid, uint32_t size, GuestAddr mask);
Result<int32_t> SchedGetscheduler(Task& task, int32_t pid);
Result<void> SchedSetscheduler(Task& task, int32_t pid, int32_t policy, UserIn<int32_t> param);
Result<void> SchedGetparam(Task& task, int32_t pid, UserOut<int32_t> param);
Result<void> SchedSetparam(Task& task, int32_t pid, UserIn<int32_t> param);
Result<int32_t> SchedGetPriorityMax(Task& task, int32_t policy);
Result<int32_t> SchedGetPriorityMin(Task& task, int32_t policy);
Result<void> SchedRrGetInterval(Task& task, int32_t pid, GuestAddr out);
Result<void> Getcpu(Task& task, UserOut<uint32_t> cpu, UserOut<uint32_t> node);
Result<int32_t> Getpriority(Task& task, int32_t which, int32_t who);
Result<void> Setpriority(Task& task, int32_t which, int32_t who, int32_t nice);

}  // namespace ukrun
