// process_vm_readv(2), process_vm_writev(2): between two guests' memory.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<int64_t> ProcessVmReadv(Task& task, int32_t pid, GuestAddr local, uint64_t local_count,
                               GuestAddr remote, uint64_t remote_count, uint64_t flags);
Result<int64_t> ProcessVmWritev(Task& task, int32_t pid, GuestAddr local, uint64_t local_count,
                                GuestAddr remote, uint64_t remote_count, uint64_t flags);

}  // namespace ukrun
