// Advisory file locks: flock(2) and the lock commands of fcntl(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Flock(Task& task, Fd fd, uint32_t operation);

// fcntl(2): F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ relatives; `fd` refers to `file`.
bool IsLockCommand(int32_t command);
Result<int64_t> LockCommand(Task& task, Fd fd, File& file, int32_t command, GuestAddr argument);

}  // namespace ukrun
