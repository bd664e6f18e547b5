// Opening and closing files.
#pragma once

#include "abi/file.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

// (Open is the VFS's.)
Result<Fd> SysOpen(Task& task, UserString path, uint32_t flags, uint32_t mode);
Result<Fd> Openat(Task& task, Fd start, UserString path, uint32_t flags, uint32_t mode);
Result<Fd> Openat2(Task& task, Fd start, UserString path, GuestAddr how, uint64_t size);
Result<Fd> Creat(Task& task, UserString path, uint32_t mode);
Result<void> Close(Task& task, Fd fd);
Result<void> CloseRange(Task& task, uint32_t first, uint32_t last, uint32_t flags);

}  // namespace ukrun
