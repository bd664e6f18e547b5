#include "sentry/fs/stdio/host_stream.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/host_call.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/fs/stdio/host_poller.h"
#include "sentry/mm/guest_io.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

Ready PollHost(int fd) {
  pollfd poll{fd, POLLIN | POLLOUT, 0};
  RawHostCall(SYS_poll, &poll, 1, 0);
  return static_cast<Ready>(static_cast<uint16_t>(poll.revents));
}

class HostStream final : public File {
 public:
  HostStream(Path path, const OpenOptions& options, int fd, bool seekable, WaitQueue& queue)
      : File(std::move(path), options), fd_(fd), seekable_(seekable), queue_(queue) {}

  Result<size_t> Read(GuestIo& io) override {
    if (!readable()) {
      return Fail(EBADF);
    }
    if (io.size() == 0) {
      return size_t{0};
    }
    if (!Any(Readiness() & (Ready::kReadable | Ready::kHangUp | Ready::kError))) {
      return Fail(EAGAIN);
    }
    std::vector<char> buffer(std::min(io.size(), kPieceBytes));
    long got = TRY(HostCall(SYS_read, fd_, buffer.data(), buffer.size()));
    return io.Store(buffer.data(), static_cast<size_t>(got));
  }

  Result<size_t> Write(GuestIo& io) override {
    if (!writable()) {
      return Fail(EBADF);
    }
    Ready ready = Readiness();
    if (!Any(ready & (Ready::kWritable | Ready::kError | Ready::kHangUp))) {
      return Fail(EAGAIN);
    }
    // A pipe that polls writable takes one page without blocking, a file takes anything.
    std::vector<char> buffer(std::min(io.size(), seekable_ ? kPieceBytes : size_t{4096}));
    size_t size = TRY(io.Load(buffer.data(), buffer.size()));
    return static_cast<size_t>(TRY(HostCall(SYS_write, fd_, buffer.data(), size)));
  }

  Result<int64_t> Seek(int64_t offset, int whence) override {
    return TRY(HostCall(SYS_lseek, fd_, offset, whence));
  }

  Result<size_t> ReadAt(GuestIo& io, int64_t offset) override {
    std::vector<char> buffer(std::min(io.size(), kPieceBytes));
    long got = TRY(HostCall(SYS_pread64, fd_, buffer.data(), buffer.size(), offset));
    return io.Store(buffer.data(), static_cast<size_t>(got));
  }

  Result<size_t> WriteAt(GuestIo& io, int64_t offset) override {
    std::vector<char> buffer(std::min(io.size(), kPieceBytes));
    size_t size = TRY(io.Load(buffer.data(), buffer.size()));
    return static_cast<size_t>(TRY(HostCall(SYS_pwrite64, fd_, buffer.data(), size, offset)));
  }

  // Asks the host; what is not ready is watched from now on.
  Ready Readiness() override {
    Ready ready = PollHost(fd_);
    Ready wanted = (readable() ? Ready::kReadable : Ready::kNone) |
                   (writable() ? Ready::kWritable : Ready::kNone);
    Ready missing =
        static_cast<Ready>(static_cast<uint32_t>(wanted) & ~static_cast<uint32_t>(ready));
    if (Any(missing) && !Any(ready & (Ready::kHangUp | Ready::kError))) {
      WatchHostFd(fd_, missing, queue_);
    }
    return ready;
  }
  WaitQueue* waiters() override { return seekable_ ? nullptr : &queue_; }

  Result<Attributes> GetAttributes() override {
    struct stat host {};
    TRY(HostCall(SYS_fstat, fd_, &host));
    Attributes attributes = TRY(inode()->GetAttributes());
    attributes.size = static_cast<uint64_t>(host.st_size);
    attributes.blocks = static_cast<uint64_t>(host.st_blocks);
    attributes.special_device = host.st_rdev;
    return attributes;
  }

  Result<void> Truncate(uint64_t size) override {
    TRY(HostCall(SYS_ftruncate, fd_, size));
    return Ok();
  }

 private:
  const int fd_;
  const bool seekable_;
  WaitQueue& queue_;
};

// What the streams of one host descriptor hang on. Its name leads back to the descriptor:
// opening /dev/stdout (/proc/self/fd/1) makes another stream over it, as far as the
// descriptor allows. So it has no type that the VFS would open itself.
class StreamInode final : public Inode {
 public:
  StreamInode(RefPtr<Inode> attributes, int fd, const OpenOptions& allowed, bool seekable)
      : attributes_(std::move(attributes)), fd_(fd), allowed_(allowed), seekable_(seekable) {}

  FileSystem& file_system() override { return attributes_->file_system(); }
  uint32_t type() const override { return 0; }
  Result<Attributes> GetAttributes() override { return attributes_->GetAttributes(); }
  Result<void> SetAttributes(const AttributeChange& change) override {
    return attributes_->SetAttributes(change);
  }
  Result<RefPtr<File>> Open(Task&, const Path& path, const OpenOptions& options) override {
    if ((options.read && !allowed_.read) || (options.write && !allowed_.write)) {
      return Fail(EACCES);
    }
    return RefPtr<File>(MakeRef<HostStream>(path, options, fd_, seekable_, queue_));
  }
  WaitQueue& queue() { return queue_; }

 private:
  const RefPtr<Inode> attributes_;
  const int fd_;
  const OpenOptions allowed_;
  const bool seekable_;
  // The poller keeps a pointer to it: descriptors live as long as the sandbox.
  WaitQueue& queue_ = *new WaitQueue;
};

// Numbers are the sandbox's own.
std::string StreamName(const struct stat& host, uint64_t number) {
  switch (host.st_mode & S_IFMT) {
    case S_IFIFO:
      return Format("pipe:[{}]", number);
    case S_IFSOCK:
      return Format("socket:[{}]", number);
    case S_IFCHR:
      return "/dev/null";
    default:
      return "/dev/stdio";
  }
}

}  // namespace

Result<RefPtr<File>> OpenHostStream(int fd) {
  struct stat host {};
  TRY(HostCall(SYS_fstat, fd, &host));
  long flags = TRY(HostCall(SYS_fcntl, fd, F_GETFL));
  OpenOptions options;
  options.read = (flags & O_ACCMODE) != O_WRONLY;
  options.write = (flags & O_ACCMODE) != O_RDONLY;
  options.status_flags = static_cast<uint32_t>(flags & O_APPEND);
  bool seekable = (host.st_mode & S_IFMT) == S_IFREG;
  RefPtr<Inode> attributes = NewAnonymousInode(host.st_mode);
  uint64_t number = TRY(attributes->GetAttributes()).inode_number;
  auto inode = MakeRef<StreamInode>(std::move(attributes), fd, options, seekable);
  WaitQueue& queue = inode->queue();
  Path path = AnonymousPath(StreamName(host, number), std::move(inode));
  return RefPtr<File>(MakeRef<HostStream>(std::move(path), options, fd, seekable, queue));
}

}  // namespace ukrun
