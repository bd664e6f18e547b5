#include "sentry/syscalls/splice.h"

#include <fcntl.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "sentry/signal/signals.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/syscalls/file_io.h"

namespace ukrun {
namespace {

constexpr size_t kBufferBytes = 128 * 1024;
constexpr uint32_t kSpliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

// The kernel memory between the two files.
class Buffer {
 public:
  explicit Buffer(size_t size)
      : size_(std::min(size, kBufferBytes)), bytes_(new std::byte[size_]) {}
  size_t size() const { return size_; }
  std::span<std::byte> First(size_t size) { return {bytes_.get(), size}; }

 private:
  const size_t size_;
  const std::unique_ptr<std::byte[]> bytes_;
};

uint32_t TypeOf(const File& file) {
  Inode* inode = file.inode();
  return inode == nullptr ? 0 : inode->type();
}

// One side of a transfer: a file at its own position, or at a position of the caller's.
struct End {
  RefPtr<File> file;
  UserInOut<int64_t> user_offset;
  std::optional<int64_t> offset = std::nullopt;

  bool positioned() const { return offset.has_value(); }
};

Result<End> MakeEnd(Task& task, RefPtr<File> file, UserInOut<int64_t> user_offset) {
  End end{std::move(file), user_offset};
  if (!user_offset.is_null()) {
    end.offset = TRY(user_offset.Load(task.memory()));
  }
  return end;
}

Result<void> CheckNotNegative(const End& end) {
  return end.positioned() && *end.offset < 0 ? Fail(EINVAL) : Result<void>();
}

// Whether the range from the position on can be counted at all. Negative positions are at the
// top of what an unsigned number holds, as on Linux.
Result<void> CheckCountable(const End& end, uint64_t size) {
  uint64_t start = end.positioned() ? static_cast<uint64_t>(*end.offset) : 0;
  return start + size < start ? Fail(EOVERFLOW) : Result<void>();
}

// Moves the caller's position on.
Result<void> StoreEnd(Task& task, const End& end, size_t moved) {
  if (!end.positioned()) {
    return Ok();
  }
  return end.user_offset.Store(task.memory(), *end.offset + static_cast<int64_t>(moved));
}

Result<size_t> ReadEnd(Task& task, const End& end, size_t moved, std::span<std::byte> into) {
  GuestIo io(into);
  return end.positioned()
             ? ReadFileAt(task, *end.file, io, *end.offset + static_cast<int64_t>(moved))
             : ReadFile(task, *end.file, io);
}

Result<size_t> WriteEnd(Task& task, const End& end, size_t moved, std::span<std::byte> from,
                        MayWait may_wait) {
  GuestIo io(from);
  return end.positioned()
             ? WriteFileAt(task, *end.file, io, *end.offset + static_cast<int64_t>(moved))
             : WriteFile(task, *end.file, io, may_wait);
}

// Copies from a file that can be read again, so that what `out` does not take is not lost.
Result<size_t> CopyLoop(Task& task, const End& in, const End& out, size_t count) {
  Buffer buffer(count);
  size_t moved = 0;
  while (moved < count) {
    std::span<std::byte> piece = buffer.First(std::min(buffer.size(), count - moved));
    Result<size_t> got = ReadEnd(task, in, moved, piece);
    if (got.ok() && *got > 0) {
      got = WriteEnd(task, out, moved, piece.first(*got), MayWait::kYes);
    }
    if (!got.ok()) {
      return moved > 0 ? Result<size_t>(moved) : got.failure();
    }
    moved += *got;
    if (*got < piece.size()) {
      break;
    }
  }
  return moved;
}

// A file's own position, as a position to read at: moved only by what was really written.
Result<int64_t> OwnPosition(File& file) { return file.Seek(0, SEEK_CUR); }

Result<size_t> CopyFromPosition(Task& task, End in, const End& out, size_t count) {
  bool own = !in.positioned();
  if (own) {
    in.offset = TRY(OwnPosition(*in.file));
  }
  size_t moved = TRY(CopyLoop(task, in, out, count));
  if (own) {
    TRY(in.file->Seek(*in.offset + static_cast<int64_t>(moved), SEEK_SET));
  } else {
    TRY(StoreEnd(task, in, moved));
  }
  return moved;
}

MayWait WaitMode(const File& pipe, uint32_t flags) {
  return (flags & SPLICE_F_NONBLOCK) != 0 || pipe.nonblocking() ? MayWait::kNo : MayWait::kYes;
}

// How much a pipe takes; waits until it is something. Errors: EPIPE with its signal, EAGAIN.
Result<size_t> WaitForSpace(Task& task, File& pipe, MayWait may_wait) {
  auto attempt = [&]() -> Result<size_t> {
    if (Any(pipe.Readiness() & Ready::kError)) {
      return Fail(EPIPE);
    }
    size_t space = pipe.WriteSpace();
    return space == 0 ? Result<size_t>(Fail(EAGAIN)) : space;
  };
  WaitQueue* waiters = pipe.waiters();
  Result<size_t> space = may_wait == MayWait::kNo || waiters == nullptr
                             ? attempt()
                             : BlockOn(task, *waiters, Ready::kWritable, attempt);
  if (space.Is(EPIPE)) {
    static_cast<void>(SendSignal(task, UserSignal(task, abi::kSigPipe)));
  }
  return space;
}

// What a pipe holds, without taking it. 0 at its end.
Result<size_t> PeekPipe(Task& task, File& pipe, std::span<std::byte> into, MayWait may_wait) {
  GuestIo io(into);
  auto attempt = [&] { return pipe.Peek(io); };
  WaitQueue* waiters = pipe.waiters();
  return may_wait == MayWait::kNo || waiters == nullptr
             ? attempt()
             : BlockOn(task, *waiters, Ready::kReadable, attempt);
}

// Takes out of the pipe what has gone on to the other side.
Result<void> Consume(File& pipe, std::span<std::byte> scratch) {
  GuestIo io(scratch);
  TRY(pipe.Read(io));
  return Ok();
}

Result<size_t> SpliceFromPipe(Task& task, const End& in, const End& out, size_t size,
                              uint32_t flags) {
  if (out.file->is_pipe()) {
    size = std::min(size, TRY(WaitForSpace(task, *out.file, WaitMode(*out.file, flags))));
  }
  Buffer buffer(size);
  std::span<std::byte> piece = buffer.First(buffer.size());
  size_t held = TRY(PeekPipe(task, *in.file, piece, WaitMode(*in.file, flags)));
  if (held == 0) {
    return 0;
  }
  size_t written = TRY(WriteEnd(task, out, 0, piece.first(held), MayWait::kYes));
  TRY(Consume(*in.file, piece.first(written)));
  TRY(StoreEnd(task, out, written));
  return written;
}

Result<size_t> SpliceToPipe(Task& task, const End& in, const End& out, size_t size,
                            uint32_t flags) {
  size_t space = TRY(WaitForSpace(task, *out.file, WaitMode(*out.file, flags)));
  Buffer buffer(std::min(size, space));
  std::span<std::byte> piece = buffer.First(buffer.size());
  size_t got = TRY(ReadEnd(task, in, 0, piece));
  if (got == 0) {
    return 0;
  }
  // Another writer may have been faster; then this waits, as the bytes are taken already.
  size_t written = TRY(WriteEnd(task, out, 0, piece.first(got), MayWait::kYes));
  TRY(StoreEnd(task, in, written));
  return written;
}

bool Overlap(int64_t a, int64_t b, uint64_t size) {
  auto length = static_cast<int64_t>(std::min<uint64_t>(size, INT64_MAX));
  return a < b ? length > b - a : length > a - b;
}

// Files of one mount are, even where an overlay took them from several host file systems.
Result<bool> OnOneFileSystem(File& a, File& b) {
  if (a.path().mount && a.path().mount.get() == b.path().mount.get()) {
    return true;
  }
  return TRY(a.GetAttributes()).device == TRY(b.GetAttributes()).device;
}

Result<void> CheckCopyRange(File& in, File& out) {
  if (TypeOf(in) == S_IFDIR || TypeOf(out) == S_IFDIR) {
    return Fail(EISDIR);
  }
  if (TypeOf(in) != S_IFREG || TypeOf(out) != S_IFREG) {
    return Fail(EINVAL);
  }
  if (!in.readable() || !out.writable() || out.append()) {
    return Fail(EBADF);
  }
  return TRY(OnOneFileSystem(in, out)) ? Ok() : Fail(EXDEV);
}

}  // namespace

Result<size_t> Sendfile(Task& task, Fd out, Fd in, UserInOut<int64_t> offset, uint64_t count) {
  RefPtr<File> source = TRY(GetReadable(task, in));
  End from = TRY(MakeEnd(task, source, offset));
  TRY(CheckNotNegative(from));
  uint32_t type = TypeOf(*source);
  if (from.positioned() && (type == S_IFIFO || type == S_IFSOCK)) {
    return Fail(ESPIPE);
  }
  RefPtr<File> target = TRY(GetWritable(task, out));
  if (type == S_IFIFO || type == S_IFSOCK || type == S_IFDIR || target->append()) {
    return Fail(EINVAL);
  }
  size_t most = std::min<uint64_t>(count, kMostTransferred);
  End to{target, {}};
  return type == S_IFREG ? CopyFromPosition(task, from, to, most) : CopyLoop(task, from, to, most);
}

Result<size_t> CopyFileRange(Task& task, Fd in, UserInOut<int64_t> in_offset, Fd out,
                             UserInOut<int64_t> out_offset, uint64_t size, uint32_t flags) {
  RefPtr<File> source = TRY(task.GetFile(in));
  RefPtr<File> target = TRY(task.GetFile(out));
  End from = TRY(MakeEnd(task, source, in_offset));
  End to = TRY(MakeEnd(task, target, out_offset));
  if (flags != 0) {
    return Fail(EINVAL);
  }
  TRY(CheckCopyRange(*source, *target));
  TRY(CheckCountable(from, size));
  TRY(CheckCountable(to, size));
  TRY(CheckNotNegative(from));
  TRY(CheckNotNegative(to));
  if (source->inode() == target->inode()) {
    int64_t a = from.positioned() ? *from.offset : TRY(OwnPosition(*source));
    int64_t b = to.positioned() ? *to.offset : TRY(OwnPosition(*target));
    if (Overlap(a, b, size)) {
      return Fail(EINVAL);
    }
  }
  size_t moved = TRY(CopyFromPosition(task, from, to, std::min<uint64_t>(size, kMostTransferred)));
  TRY(StoreEnd(task, to, moved));
  return moved;
}

Result<size_t> Splice(Task& task, Fd in, UserInOut<int64_t> in_offset, Fd out,
                      UserInOut<int64_t> out_offset, uint64_t size, uint32_t flags) {
  if ((flags & ~kSpliceFlags) != 0) {
    return Fail(EINVAL);
  }
  if (size == 0) {
    return 0;
  }
  RefPtr<File> source = TRY(GetReadable(task, in));
  RefPtr<File> target = TRY(GetWritable(task, out));
  bool from_pipe = source->is_pipe();
  bool to_pipe = target->is_pipe();
  if ((from_pipe && !in_offset.is_null()) || (to_pipe && !out_offset.is_null())) {
    return Fail(ESPIPE);
  }
  bool same_pipe = from_pipe && to_pipe && source->inode() == target->inode();
  if ((!from_pipe && !to_pipe) || same_pipe || target->append()) {
    return Fail(EINVAL);
  }
  size = std::min<uint64_t>(size, kMostTransferred);
  End from = TRY(MakeEnd(task, source, in_offset));
  End to = TRY(MakeEnd(task, target, out_offset));
  TRY(CheckNotNegative(from));
  TRY(CheckNotNegative(to));
  if (TypeOf(*source) == S_IFDIR || (from.positioned() && !HasPositions(*source)) ||
      (to.positioned() && !HasPositions(*target))) {
    return Fail(EINVAL);
  }
  return from_pipe ? SpliceFromPipe(task, from, to, size, flags)
                   : SpliceToPipe(task, from, to, size, flags);
}

Result<size_t> Tee(Task& task, Fd in, Fd out, uint64_t size, uint32_t flags) {
  if ((flags & ~kSpliceFlags) != 0) {
    return Fail(EINVAL);
  }
  if (size == 0) {
    return 0;
  }
  RefPtr<File> source = TRY(GetReadable(task, in));
  RefPtr<File> target = TRY(GetWritable(task, out));
  if (!source->is_pipe() || !target->is_pipe() || source->inode() == target->inode()) {
    return Fail(EINVAL);
  }
  size_t space = TRY(WaitForSpace(task, *target, WaitMode(*target, flags)));
  Buffer buffer(std::min<uint64_t>(size, space));
  std::span<std::byte> piece = buffer.First(buffer.size());
  size_t held = TRY(PeekPipe(task, *source, piece, WaitMode(*source, flags)));
  if (held == 0) {
    return 0;
  }
  GuestIo io(piece.first(held));
  return WriteFile(task, *target, io, WaitMode(*target, flags));
}

Result<size_t> Vmsplice(Task& task, Fd pipe, GuestAddr vector, uint64_t count, uint32_t flags) {
  if ((flags & ~kSpliceFlags) != 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(pipe));
  GuestIo io(task.memory(), TRY(LoadIovec(task, vector, count)));
  if (io.size() == 0) {
    return 0;
  }
  if (!file->is_pipe()) {
    return Fail(EBADF);
  }
  return file->writable() ? WriteFile(task, *file, io, WaitMode(*file, flags))
                          : ReadFile(task, *file, io, WaitMode(*file, flags));
}

}  // namespace ukrun
