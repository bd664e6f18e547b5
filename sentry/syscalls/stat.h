// What files are: stat(2), statx(2), access(2), statfs(2).
#pragma once

#include "abi/file.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Stat(Task& task, UserString path, UserOut<abi::Stat> out);
Result<void> Lstat(Task& task, UserString path, UserOut<abi::Stat> out);
Result<void> Fstat(Task& task, Fd fd, UserOut<abi::Stat> out);
Result<void> Newfstatat(Task& task, Fd start, UserString path, UserOut<abi::Stat> out,
                        uint32_t flags);
Result<void> Statx(Task& task, Fd start, UserString path, uint32_t flags, uint32_t mask,
                   UserOut<abi::Statx> out);

// (Access is the platform's.)
Result<void> SysAccess(Task& task, UserString path, uint32_t mode);
Result<void> Faccessat(Task& task, Fd start, UserString path, uint32_t mode);
Result<void> Faccessat2(Task& task, Fd start, UserString path, uint32_t mode, uint32_t flags);

Result<void> Statfs(Task& task, UserString path, UserOut<abi::Statfs> out);
Result<void> Fstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out);

}  // namespace ukrun
