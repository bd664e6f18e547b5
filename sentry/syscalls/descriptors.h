// Descriptors themselves: dup(2), fcntl(2), ioctl(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> Dup(Task& task, Fd fd);
Result<Fd> Dup2(Task& task, Fd old_fd, Fd new_fd);
Result<Fd> Dup3(Task& task, Fd old_fd, Fd new_fd, uint32_t flags);
Result<int64_t> Fcntl(Task& task, Fd fd, int32_t command, uint64_t argument);
Result<int64_t> Ioctl(Task& task, Fd fd, uint32_t request, GuestAddr argument);

}  // namespace ukrun
