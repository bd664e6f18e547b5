#include "sentry/syscalls/file_io.h"

#include <sys/uio.h>

#include <algorithm>

#include "base/window.h"
#include "sentry/net/socket.h"
#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/size_limit.h"

namespace ukrun {
namespace {

constexpr uint64_t kMostSegments = 1024;  // UIO_MAXIOV
constexpr uint32_t kNoAppend = 0x20;      // RWF_NOAPPEND
constexpr uint32_t kKnownFlags =
    RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | kNoAppend;
// preadv2 and pwritev2: the file's own position.
constexpr int64_t kOwnPosition = -1;

// The size of a transfer, if the buffer lies in user space (Linux's access_ok).
// Errors: EFAULT.
Result<size_t> CheckBuffer(GuestAddr buffer, uint64_t count) {
  if (count > kUserEnd || buffer.value() > kUserEnd - count) {
    return Fail(EFAULT);
  }
  return std::min<uint64_t>(count, kMostTransferred);
}

// As on Linux, what flows through a fifo is nothing that happens to the file.
Result<size_t> AfterRead(File& file, Result<size_t> result) {
  if (result.ok() && *result > 0 && !file.is_pipe()) {
    NotifyAccessed(file.path());
  }
  return result;
}

Result<size_t> AfterWrite(Task& task, File& file, Result<size_t> result) {
  if (result.ok() && *result > 0 && !file.is_pipe()) {
    NotifyModified(file.path());
  } else if (result.Is(EPIPE)) {
    // As on Linux, the signal says that the task itself sent it (SI_USER).
    static_cast<void>(SendSignal(task, UserSignal(task, abi::kSigPipe)));
  }
  return result;
}

// A file that is written by somebody without CAP_FSETID loses set-user-id.
Result<void> DropSetIds(Task& task, File& file) {
  Inode* inode = file.inode();
  const Credentials& credentials = task.credentials();
  if (inode == nullptr || inode->type() != S_IFREG || credentials.Has(Capability::kFsetid)) {
    return Ok();
  }
  Attributes attributes = TRY(inode->GetAttributes());
  if ((attributes.mode & (S_ISUID | S_ISGID)) == 0) {
    return Ok();
  }
  AttributeChange change;
  change.permissions = WithoutSetIds(credentials, attributes);
  return *change.permissions == (attributes.mode & 07777) ? Ok() : inode->SetAttributes(change);
}

Result<void> CheckOffset(const GuestIo& io, int64_t offset) {
  return offset < 0 || static_cast<int64_t>(io.size()) > INT64_MAX - offset ? Fail(EINVAL)
                                                                            : Result<void>();
}

Result<void> CheckFlags(uint32_t flags) {
  return (flags & ~kKnownFlags) != 0 ? Fail(EOPNOTSUPP) : Result<void>();
}

Result<void> SynchronizeIfAsked(File& file, uint32_t flags) {
  flags |= (file.status_flags() & O_DSYNC) != 0 ? static_cast<uint32_t>(RWF_DSYNC) : 0u;
  if ((flags & (RWF_DSYNC | RWF_SYNC)) == 0 || file.waiters() != nullptr) {
    return Ok();
  }
  Result<void> result = file.Synchronize((flags & RWF_SYNC) != 0 ? Sync::kAll : Sync::kData);
  return result.Is(EINVAL) ? Ok() : result;
}

uint32_t TypeOf(const File& file) {
  Inode* inode = file.inode();
  return inode == nullptr ? 0 : inode->type();
}

// For readv(2) and writev(2) of no bytes at all: whether that is a success without looking at the
// file. The objects without a type (eventfd and the like) look themselves.
bool MovesNothing(const File& file) { return TypeOf(file) != 0; }

// A file to read or write at a place. Errors: ESPIPE, which comes before the EBADF of a wrong
// access mode.
Result<RefPtr<File>> GetPositioned(Task& task, Fd fd, Ready direction) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (!HasPositions(*file)) {
    return Fail(ESPIPE);
  }
  bool may = direction == Ready::kReadable ? file->readable() : file->writable();
  return may ? Result<RefPtr<File>>(std::move(file)) : Fail(EBADF);
}

}  // namespace

Result<RefPtr<File>> GetReadable(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  return file->readable() ? Result<RefPtr<File>>(std::move(file)) : Fail(EBADF);
}

Result<RefPtr<File>> GetWritable(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  return file->writable() ? Result<RefPtr<File>>(std::move(file)) : Fail(EBADF);
}

bool HasPositions(File& file) { return file.waiters() == nullptr || TypeOf(file) == S_IFREG; }

Result<std::vector<GuestIo::Segment>> LoadIovec(Task& task, GuestAddr vector, uint64_t count) {
  if (count > kMostSegments) {
    return Fail(EINVAL);
  }
  auto raw = TRY(UserArray<abi::Iovec>{vector}.Load(task.memory(), count));
  std::vector<GuestIo::Segment> segments;
  segments.reserve(raw.size());
  uint64_t total = 0;
  for (const abi::Iovec& piece : raw) {
    if (piece.size > INT64_MAX) {
      return Fail(EINVAL);
    }
    uint64_t size = std::min<uint64_t>(piece.size, kMostTransferred - total);
    total += size;
    if (size > 0) {
      TRY(CheckBuffer(GuestAddr(piece.address), size));
      segments.push_back({piece.address, size});
    }
  }
  return segments;
}

Result<size_t> ReadFile(Task& task, File& file, GuestIo& io, MayWait may_wait) {
  auto attempt = [&] { return file.Read(io); };
  return AfterRead(file, may_wait == MayWait::kNo
                             ? attempt()
                             : BlockOnFile(task, file, Ready::kReadable, attempt,
                                           SocketDeadline(file, Ready::kReadable)));
}

Result<size_t> WriteFile(Task& task, File& file, GuestIo& io, MayWait may_wait) {
  TRY(DropSetIds(task, file));
  bool waits = may_wait == MayWait::kYes && file.waiters() != nullptr && !file.nonblocking();
  int64_t deadline_ns = waits ? SocketDeadline(file, Ready::kWritable) : kNoDeadline;
  auto attempt = [&] { return file.Write(io); };
  size_t written = 0;
  for (;;) {
    Result<size_t> result =
        waits ? BlockOnFile(task, file, Ready::kWritable, attempt, deadline_ns) : attempt();
    result = AfterWrite(task, file, result);
    if (!result.ok()) {
      return written > 0 ? Result<size_t>(written) : result.failure();
    }
    written += *result;
    if (!waits || *result == 0 || io.size() == 0) {
      break;
    }
  }
  TRY(SynchronizeIfAsked(file, 0));
  return written;
}

Result<size_t> ReadFileAt(Task& task, File& file, GuestIo& io, int64_t offset) {
  TRY(CheckOffset(io, offset));
  auto attempt = [&] { return file.ReadAt(io, offset); };
  return AfterRead(file, BlockOnFile(task, file, Ready::kReadable, attempt));
}

Result<size_t> WriteFileAt(Task& task, File& file, GuestIo& io, int64_t offset) {
  TRY(CheckOffset(io, offset));
  TRY(DropSetIds(task, file));
  // As on Linux, a file opened with O_APPEND appends wherever pwrite(2) points.
  int64_t place = file.append() ? SeekableFile::kAppend : offset;
  TRY(ApplyFileSizeLimit(file, io, place));
  auto attempt = [&] { return file.WriteAt(io, place); };
  size_t written = TRY(AfterWrite(task, file, BlockOnFile(task, file, Ready::kWritable, attempt)));
  TRY(SynchronizeIfAsked(file, 0));
  return written;
}

Result<size_t> Read(Task& task, Fd fd, GuestAddr buffer, uint64_t count) {
  RefPtr<File> file = TRY(GetReadable(task, fd));
  GuestIo io(task.memory(), buffer, TRY(CheckBuffer(buffer, count)));
  if (count == 0 && TypeOf(*file) == S_IFSOCK) {
    return 0;  // as on Linux, and unlike recv(2)
  }
  return ReadFile(task, *file, io);
}

Result<size_t> Write(Task& task, Fd fd, GuestAddr buffer, uint64_t count) {
  RefPtr<File> file = TRY(GetWritable(task, fd));
  GuestIo io(task.memory(), buffer, TRY(CheckBuffer(buffer, count)));
  return WriteFile(task, *file, io);
}

Result<size_t> Pread64(Task& task, Fd fd, GuestAddr buffer, uint64_t count, int64_t offset) {
  if (offset < 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(GetPositioned(task, fd, Ready::kReadable));
  GuestIo io(task.memory(), buffer, TRY(CheckBuffer(buffer, count)));
  return ReadFileAt(task, *file, io, offset);
}

Result<size_t> Pwrite64(Task& task, Fd fd, GuestAddr buffer, uint64_t count, int64_t offset) {
  if (offset < 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(GetPositioned(task, fd, Ready::kWritable));
  GuestIo io(task.memory(), buffer, TRY(CheckBuffer(buffer, count)));
  return WriteFileAt(task, *file, io, offset);
}

Result<size_t> Readv(Task& task, Fd fd, GuestAddr vector, uint64_t count) {
  return Preadv2(task, fd, vector, count, kOwnPosition, 0, 0);
}

Result<size_t> Writev(Task& task, Fd fd, GuestAddr vector, uint64_t count) {
  return Pwritev2(task, fd, vector, count, kOwnPosition, 0, 0);
}

Result<size_t> Preadv(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset) {
  return offset < 0 ? Fail(EINVAL) : Preadv2(task, fd, vector, count, offset, 0, 0);
}

Result<size_t> Pwritev(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset) {
  return offset < 0 ? Fail(EINVAL) : Pwritev2(task, fd, vector, count, offset, 0, 0);
}

Result<size_t> Preadv2(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset,
                       uint64_t unused, uint32_t flags) {
  static_cast<void>(unused);
  if (offset < kOwnPosition) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(offset != kOwnPosition ? GetPositioned(task, fd, Ready::kReadable)
                                                 : GetReadable(task, fd));
  GuestIo io(task.memory(), TRY(LoadIovec(task, vector, count)));
  if (io.size() == 0 && MovesNothing(*file)) {
    return 0;
  }
  TRY(CheckFlags(flags));
  if (offset != kOwnPosition) {
    return ReadFileAt(task, *file, io, offset);
  }
  return ReadFile(task, *file, io, (flags & RWF_NOWAIT) != 0 ? MayWait::kNo : MayWait::kYes);
}

Result<size_t> Pwritev2(Task& task, Fd fd, GuestAddr vector, uint64_t count, int64_t offset,
                        uint64_t unused, uint32_t flags) {
  static_cast<void>(unused);
  if (offset < kOwnPosition) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(offset != kOwnPosition ? GetPositioned(task, fd, Ready::kWritable)
                                                 : GetWritable(task, fd));
  GuestIo io(task.memory(), TRY(LoadIovec(task, vector, count)));
  if (io.size() == 0 && MovesNothing(*file)) {
    return 0;
  }
  TRY(CheckFlags(flags));
  size_t written = 0;
  if ((flags & RWF_APPEND) != 0 && file->waiters() == nullptr && !file->append()) {
    TRY(DropSetIds(task, *file));
    TRY(ApplyFileSizeLimit(*file, io, SeekableFile::kAppend));
    written = TRY(AfterWrite(task, *file, file->WriteAt(io, SeekableFile::kAppend)));
    if (offset == kOwnPosition) {
      TRY(file->Seek(0, SEEK_END));
    }
  } else if (offset != kOwnPosition) {
    written = TRY(WriteFileAt(task, *file, io, offset));
  } else {
    MayWait may_wait = (flags & RWF_NOWAIT) != 0 ? MayWait::kNo : MayWait::kYes;
    written = TRY(WriteFile(task, *file, io, may_wait));
  }
  TRY(SynchronizeIfAsked(*file, flags));
  return written;
}

Result<int64_t> Lseek(Task& task, Fd fd, int64_t offset, uint32_t whence) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (whence > SEEK_HOLE) {
    return Fail(EINVAL);
  }
  return file->Seek(offset, static_cast<int>(whence));
}

}  // namespace ukrun
