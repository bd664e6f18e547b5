// User and group ids, supplementary groups, capabilities.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<uint32_t> Getuid(Task& task);
Result<uint32_t> Geteuid(Task& task);
Result<uint32_t> Getgid(Task& task);
Result<uint32_t> Getegid(Task& task);
Result<void> Getresuid(Task& task, UserOut<uint32_t> real, UserOut<uint32_t> effective,
                       UserOut<uint32_t> saved);
Result<void> Getresgid(Task& task, UserOut<uint32_t> real, UserOut<uint32_t> effective,
                       UserOut<uint32_t> saved);
Result<void> Setuid(Task& task, uint32_t uid);
Result<void> Setgid(Task& task, uint32_t gid);
Result<void> Setreuid(Task& task, uint32_t real, uint32_t effective);
Result<void> Setregid(Task& task, uint32_t real, uint32_t effective);
Result<void> Setresuid(Task& task, uint32_t real, uint32_t effective, uint32_t saved);
Result<void> Setresgid(Task& task, uint32_t real, uint32_t effective, uint32_t saved);
Result<uint32_t> Setfsuid(Task& task, uint32_t uid);
Result<uint32_t> Setfsgid(Task& task, uint32_t gid);
Result<int32_t> Getgroups(Task& task, int32_t size, UserArray<uint32_t> out);
Result<void> Setgroups(Task& task, uint32_t size, UserArray<uint32_t> in);
Result<void> Capget(Task& task, GuestAddr header, GuestAddr data);
Result<void> Capset(Task& task, GuestAddr header, GuestAddr data);

}  // namespace ukrun
