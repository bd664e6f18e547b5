// read(2), write(2) and their many relatives, and the transfers below them.
#pragma once

#include "abi/file.h"
#include "sentry/mm/guest_io.h"
#include "sentry/syscalls/row.h"

namespace ukrun {

// The most that one call transfers (Linux's MAX_RW_COUNT).
inline constexpr size_t kMostTransferred = 0x7fff'f000;

// --- Transfers at a file's own position that wait as read(2) and write(2) do. `kNo` never
// waits. Watchers are told. The file's access mode has been checked.
enum class MayWait : uint8_t { kNo, kYes };
Result<size_t> ReadFile(Task& task, File& file, GuestIo& io, MayWait may_wait = MayWait::kYes);
// Goes on until everything is written; EPIPE comes with SIGPIPE.
Result<size_t> WriteFile(Task& task, File& file, GuestIo& io, MayWait may_wait = MayWait::kYes);
// At a position; ESPIPE for streams.
Result<size_t> ReadFileAt(Task& task, File& file, GuestIo& io, int64_t offset);
Result<size_t> WriteFileAt(Task& task, File& file, GuestIo& io, int64_t offset);

// Errors: EBADF.
Result<RefPtr<File>> GetReadable(Task& task, Fd fd);
Result<RefPtr<File>> GetWritable(Task& task, Fd fd);
// Whether pread(2) and its like can name a place in the file. Nothing can in what flows: pipes,
// sockets, terminals, and the objects without a name that tell of events.
bool HasPositions(File& file);
// An iovec array. Errors: EINVAL (count, lengths), EFAULT.
Result<std::vector<GuestIo::Segment>> LoadIovec(Task& task, GuestAddr vector, uint64_t count);

// --- Handlers.
Result<size_t> Read(Task& task, Fd fd, GuestAddr buffer, uint64_t count);
Result<size_t> Write(Task& task, Fd fd, GuestAddr buffer, uint64_t count);
Result<size_t> Pread64(Task& task, Fd fd, GuestAddr buffer, uint64_t count, int64_t offset);
Result<size_t> Pwrite64(Task& task, Fd fd, GuestAddr buffer, uint64_t count, int64_t offset);
Result<size_t> Readv(Task& task, Fd fd, GuestAddr vector, uint64_t count);
Result<size_t> Writev(Task& task, Fd fd, GuestAddr vector, uint64_t count);
Result<size_t> Preadv(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset);
Result<size_t> Pwritev(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset);
// The fifth argument is the upper half of the offset on 32-bit machines only.
Result<size_t> Preadv2(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset,
                       uint64_t unused, uint32_t flags);
Result<size_t> Pwritev2(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset,
                        uint64_t unused, uint32_t flags);
Result<int64_t> Lseek(Task& task, Fd fd, int64_t offset, uint32_t whence);

}  // namespace ukrun
