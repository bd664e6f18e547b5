// Changing mode, owner, times.
#pragma once

#include "abi/file.h"
#include "abi/rusage.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Chmod(Task& task, UserString path, uint32_t mode);
Result<void> Fchmod(Task& task, Fd fd, uint32_t mode);
Result<void> Fchmodat(Task& task, Fd start, UserString path, uint32_t mode);
Result<void> Fchmodat2(Task& task, Fd start, UserString path, uint32_t mode, uint32_t flags);
Result<void> Chown(Task& task, UserString path, uint32_t uid, uint32_t gid);
Result<void> Lchown(Task& task, UserString path, uint32_t uid, uint32_t gid);
Result<void> Fchown(Task& task, Fd fd, uint32_t uid, uint32_t gid);
Result<void> Fchownat(Task& task, Fd start, UserString path, uint32_t uid, uint32_t gid,
                      uint32_t flags);
Result<void> Utime(Task& task, UserString path, UserIn<abi::Utimbuf> times);
Result<void> Utimes(Task& task, UserString path, UserArray<abi::Timeval> times);
Result<void> Futimesat(Task& task, Fd start, UserString path, UserArray<abi::Timeval> times);
Result<void> Utimensat(Task& task, Fd start, UserString path, UserArray<abi::Timespec> times,
                       uint32_t flags);

}  // namespace ukrun
