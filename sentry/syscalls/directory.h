// Directories: reading them, and where a process stands in the tree.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<size_t> Getdents(Task& task, Fd fd, GuestAddr buffer, uint32_t size);
Result<size_t> Getdents64(Task& task, Fd fd, GuestAddr buffer, uint32_t size);

Result<void> Chdir(Task& task, UserString path);
Result<void> Fchdir(Task& task, Fd fd);
Result<void> Chroot(Task& task, UserString path);
// Returns the length of the name with its terminating zero.
Result<size_t> Getcwd(Task& task, GuestAddr buffer, uint64_t size);
Result<uint32_t> Umask(Task& task, uint32_t mask);

}  // namespace ukrun
