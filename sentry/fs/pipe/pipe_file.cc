#include "sentry/fs/pipe/pipe_file.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/vfs/special_files.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

class PipeFile final : public File {
 public:
  // `quiet_until`: see Pipe::ReaderReadiness.
  PipeFile(Path path, const OpenOptions& options, PipeEnds ends, uint64_t quiet_until)
      : File(std::move(path), options), ends_(std::move(ends)), quiet_until_(quiet_until) {}

  Result<size_t> Read(GuestIo& io) override { return pipe().Read(io); }
  Result<size_t> Write(GuestIo& io) override {
    bool packets = (status_flags() & O_DIRECT) != 0;
    return pipe().Write(io, packets ? Pipe::Packets::kYes : Pipe::Packets::kNo);
  }

  Ready Readiness() override {
    return (readable() ? pipe().ReaderReadiness(quiet_until_) : Ready::kNone) |
           (writable() ? pipe().WriterReadiness() : Ready::kNone);
  }
  WaitQueue* waiters() override { return &pipe().waiters(); }

  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override {
    if (request != FIONREAD) {
      return Fail(ENOTTY);
    }
    auto bytes = static_cast<int32_t>(pipe().bytes());
    TRY(task.memory().Write(argument, &bytes, sizeof(bytes)));
    return int64_t{0};
  }

  Result<int64_t> Control(Task& task, int command, uint64_t argument) override {
    switch (command) {
      case F_GETPIPE_SZ:
        return static_cast<int64_t>(pipe().capacity());
      case F_SETPIPE_SZ:
        return static_cast<int64_t>(
            TRY(pipe().Resize(task.credentials(), static_cast<uint32_t>(argument))));
      default:
        return File::Control(task, command, argument);
    }
  }

  bool is_pipe() const override { return true; }
  Result<size_t> Peek(GuestIo& io) override { return pipe().Peek(io); }
  size_t WriteSpace() override { return pipe().FreeBytes(); }

 private:
  Pipe& pipe() const { return ends_.pipe(); }

  const PipeEnds ends_;
  const uint64_t quiet_until_;
};

// Waits until the other end has been opened since `before` was seen, even if it has been
// closed again.
Result<void> WaitForPartner(Task& task, Pipe& pipe, uint64_t Pipe::Opens::*counter,
                            uint64_t before) {
  return BlockOn(task, pipe.waiters(), Ready::kReadable | Ready::kWritable, [&]() -> Result<void> {
    return pipe.opens().*counter != before ? Ok() : Result<void>(Fail(EAGAIN));
  });
}

}  // namespace

PipePair CreatePipe(Task& task, uint32_t status_flags) {
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = NewAnonymousInode(S_IFIFO | 0600, credentials.fsuid, credentials.fsgid);
  Result<Attributes> attributes = inode->GetAttributes();
  uint64_t number = attributes.ok() ? attributes->inode_number : 0;
  auto pipe = MakeRef<Pipe>(credentials);
  inode->attachments().Set(Inode::Attachments::Slot::kNamedPipe, pipe);
  Path path = AnonymousPath(Format("pipe:[{}]", number), std::move(inode));
  OpenOptions read_options{.read = true, .status_flags = status_flags};
  OpenOptions write_options{.write = true, .status_flags = status_flags};
  return PipePair{
      .read_end = MakeRef<PipeFile>(path, read_options, PipeEnds(pipe, true, false), uint64_t{0}),
      .write_end =
          MakeRef<PipeFile>(path, write_options, PipeEnds(pipe, false, true), uint64_t{0})};
}

Result<RefPtr<File>> OpenNamedPipe(Task& task, const Path& path, Inode& inode,
                                   const OpenOptions& options) {
  if (!options.read && !options.write) {
    return Fail(EINVAL);
  }
  auto pipe = StaticRefCast<Pipe>(inode.attachments().GetOrSet(Inode::Attachments::Slot::kNamedPipe,
                                                               MakeRef<Pipe>(task.credentials())));
  bool nonblocking = (options.status_flags & O_NONBLOCK) != 0;
  Pipe::Opens before = pipe->opens();
  if (options.write && !options.read && nonblocking && before.readers == 0) {
    return Fail(ENXIO);
  }
  PipeEnds ends(pipe, options.read, options.write);
  uint64_t quiet_until = 0;
  if (path.dentry->detached()) {
    // As on Linux, only fifos have partners to wait for: the end of a pipe(2) that is opened
    // once more (/proc/self/fd/N) is there at once.
    return RefPtr<File>(MakeRef<PipeFile>(path, options, std::move(ends), quiet_until));
  }
  if (options.read && !options.write && before.writers == 0) {
    if (nonblocking) {
      quiet_until = before.writer_opens + 1;
    } else {
      TRY(WaitForPartner(task, *pipe, &Pipe::Opens::writer_opens, before.writer_opens));
    }
  } else if (options.write && !options.read && before.readers == 0) {
    TRY(WaitForPartner(task, *pipe, &Pipe::Opens::reader_opens, before.reader_opens));
  }
  return RefPtr<File>(MakeRef<PipeFile>(path, options, std::move(ends), quiet_until));
}

}  // namespace ukrun
