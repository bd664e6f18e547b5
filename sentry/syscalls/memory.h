// mmap(2) and its family.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<GuestAddr> Mmap(Task& task, GuestAddr address, uint64_t size, int32_t protection,
                       uint32_t flags, Fd fd, uint64_t offset);
Result<void> Munmap(Task& task, GuestAddr address, uint64_t size);
Result<void> Mprotect(Task& task, GuestAddr address, uint64_t size, int32_t protection);
Result<void> PkeyMprotect(Task& task, GuestAddr address, uint64_t size, int32_t protection,
                          int32_t key);
Result<GuestAddr> Mremap(Task& task, GuestAddr old_address, uint64_t old_size, uint64_t new_size,
                         uint64_t flags, GuestAddr new_address);
Result<GuestAddr> Brk(Task& task, GuestAddr address);
Result<void> Madvise(Task& task, GuestAddr address, uint64_t size, int32_t advice);
Result<void> Msync(Task& task, GuestAddr address, uint64_t size, int32_t flags);
Result<void> Mincore(Task& task, GuestAddr address, uint64_t size, GuestAddr vector);
Result<void> Mlock(Task& task, GuestAddr address, uint64_t size);
Result<void> Mlock2(Task& task, GuestAddr address, uint64_t size, uint32_t flags);
Result<void> Munlock(Task& task, GuestAddr address, uint64_t size);
Result<void> Mlockall(Task& task, uint32_t flags);
Result<void> Munlockall(Task& task);
Result<int64_t> Membarrier(Task& task, int32_t command, uint32_t flags, int32_t cpu);

}  // namespace ukrun
