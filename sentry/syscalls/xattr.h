// Extended attributes (xattr(7)).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Setxattr(Task& task, UserString path, UserString name, GuestAddr value, uint64_t size,
                      uint32_t flags);
Result<void> Lsetxattr(Task& task, UserString path, UserString name, GuestAddr value, uint64_t size,
                       uint32_t flags);
Result<void> Fsetxattr(Task& task, Fd fd, UserString name, GuestAddr value, uint64_t size,
                       uint32_t flags);
Result<size_t> Getxattr(Task& task, UserString path, UserString name, GuestAddr value,
                        uint64_t size);
Result<size_t> Lgetxattr(Task& task, UserString path, UserString name, GuestAddr value,
                         uint64_t size);
Result<size_t> Fgetxattr(Task& task, Fd fd, UserString name, GuestAddr value, uint64_t size);
Result<size_t> Listxattr(Task& task, UserString path, GuestAddr list, uint64_t size);
Result<size_t> Llistxattr(Task& task, UserString path, GuestAddr list, uint64_t size);
Result<size_t> Flistxattr(Task& task, Fd fd, GuestAddr list, uint64_t size);
Result<void> Removexattr(Task& task, UserString path, UserString name);
Result<void> Lremovexattr(Task& task, UserString path, UserString name);
Result<void> Fremovexattr(Task& task, Fd fd, UserString name);

}  // namespace ukrun
