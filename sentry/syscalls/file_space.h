// The size of files, the space they take, and getting them to storage.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Truncate(Task& task, UserString path, int64_t size);
Result<void> Ftruncate(Task& task, Fd fd, int64_t size);
Result<void> Fallocate(Task& task, Fd fd, int32_t mode, int64_t offset, int64_t length);

Result<void> Fsync(Task& task, Fd fd);
Result<void> Fdatasync(Task& task, Fd fd);
// (Sync is the VFS's.)
Result<void> SysSync(Task& task);
Result<void> Syncfs(Task& task, Fd fd);
Result<void> SyncFileRange(Task& task, Fd fd, int64_t offset, int64_t length, uint32_t flags);

// Hints; checked and otherwise ignored.
Result<void> Readahead(Task& task, Fd fd, int64_t offset, uint64_t count);
Result<void> Fadvise64(Task& task, Fd fd, int64_t offset, int64_t length, int32_t advice);

}  // namespace ukrun
