// Moving bytes between descriptors without a guest buffer: sendfile(2), copy_file_range(2),
// splice(2), tee(2), vmsplice(2). All go through a kernel buffer.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<size_t> Sendfile(Task& task, Fd out, Fd in, UserInOut<int64_t> offset, uint64_t count);
Result<size_t> CopyFileRange(Task& task, Fd in, UserInOut<int64_t> in_offset, Fd out,
                             UserInOut<int64_t> out_offset, uint64_t size, uint32_t flags);
Result<size_t> Splice(Task& task, Fd in, UserInOut<int64_t> in_offset, Fd out,
                      UserInOut<int64_t> out_offset, uint64_t size, uint32_t flags);
Result<size_t> Tee(Task& task, Fd in, Fd out, uint64_t size, uint32_t flags);
Result<size_t> Vmsplice(Task& task, Fd pipe, GuestAddr vector, uint64_t count, uint32_t flags);

}  // namespace ukrun
