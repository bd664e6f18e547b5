// Making, removing, moving and reading names.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Mkdir(Task& task, UserString path, uint32_t mode);
Result<void> Mkdirat(Task& task, Fd start, UserString path, uint32_t mode);
Result<void> Mknod(Task& task, UserString path, uint32_t mode, uint32_t device);
Result<void> Mknodat(Task& task, Fd start, UserString path, uint32_t mode, uint32_t device);
Result<void> Symlink(Task& task, UserString target, UserString path);
Result<void> Symlinkat(Task& task, UserString target, Fd start, UserString path);
Result<void> Link(Task& task, UserString old_path, UserString new_path);
Result<void> Linkat(Task& task, Fd old_start, UserString old_path, Fd new_start,
                    UserString new_path, uint32_t flags);
Result<size_t> Readlink(Task& task, UserString path, GuestAddr buffer, int32_t size);
Result<size_t> Readlinkat(Task& task, Fd start, UserString path, GuestAddr buffer, int32_t size);
Result<void> Rmdir(Task& task, UserString path);
// (Unlink and Rename are the VFS's.)
Result<void> SysUnlink(Task& task, UserString path);
Result<void> Unlinkat(Task& task, Fd start, UserString path, uint32_t flags);
Result<void> SysRename(Task& task, UserString old_path, UserString new_path);
Result<void> Renameat(Task& task, Fd old_start, UserString old_path, Fd new_start,
                      UserString new_path);
Result<void> Renameat2(Task& task, Fd old_start, UserString old_path, Fd new_start,
                       UserString new_path, uint32_t flags);

}  // namespace ukrun
