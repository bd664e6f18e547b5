// The errors of a descriptor itself, for the system calls that take one: that there is none, that
// it only names a file (O_PATH), and that what it refers to is of the wrong kind: data that flows
// has no positions, and what is no socket can't be bound.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct FdCall {
  const char* name;
  long (*call)(int fd);
};
void PrintTo(const FdCall& call, std::ostream* out) { *out << call.name; }

char scratch[4096];
struct stat stat_buffer;
struct statfs statfs_buffer;
const iovec one_byte = {scratch, 1};
sigset_t no_signals;

long Lock(int fd, int command) {
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  return fcntl(fd, command, &lock);
}
long Map(int fd) {
  void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  return memory == MAP_FAILED ? -1 : munmap(memory, 4096);
}

// Calls that need more of a descriptor than that it names a file.
const FdCall kUses[] = {
    {"read", [](int fd) -> long { return read(fd, scratch, 1); }},
    {"write", [](int fd) -> long { return write(fd, scratch, 1); }},
    {"readv", [](int fd) -> long { return readv(fd, &one_byte, 1); }},
    {"writev", [](int fd) -> long { return writev(fd, &one_byte, 1); }},
    {"pread64", [](int fd) -> long { return pread(fd, scratch, 1, 0); }},
    {"pwrite64", [](int fd) -> long { return pwrite(fd, scratch, 1, 0); }},
    {"preadv", [](int fd) -> long { return preadv(fd, &one_byte, 1, 0); }},
    {"pwritev", [](int fd) -> long { return pwritev(fd, &one_byte, 1, 0); }},
    {"preadv2", [](int fd) -> long { return preadv2(fd, &one_byte, 1, -1, 0); }},
    {"pwritev2", [](int fd) -> long { return pwritev2(fd, &one_byte, 1, -1, 0); }},
    {"lseek", [](int fd) -> long { return lseek(fd, 0, SEEK_SET); }},
    {"fsync", [](int fd) -> long { return fsync(fd); }},
    {"fdatasync", [](int fd) -> long { return fdatasync(fd); }},
    {"syncfs", [](int fd) -> long { return syncfs(fd); }},
    {"sync_file_range", [](int fd) -> long { return sync_file_range(fd, 0, 0, 0); }},
    {"ftruncate", [](int fd) -> long { return ftruncate(fd, 0); }},
    {"fallocate", [](int fd) -> long { return fallocate(fd, 0, 0, 1); }},
    {"fadvise64", [](int fd) { return syscall(SYS_fadvise64, fd, 0, 0, 0); }},
    {"readahead", [](int fd) -> long { return readahead(fd, 0, 1); }},
    {"flock", [](int fd) -> long { return flock(fd, LOCK_SH | LOCK_NB); }},
    {"ioctl", [](int fd) { return syscall(SYS_ioctl, fd, 0x5421 /* FIONBIO */, scratch); }},
    {"fcntl_setfl", [](int fd) -> long { return fcntl(fd, F_SETFL, O_NONBLOCK); }},
    {"fcntl_setlk", [](int fd) { return Lock(fd, F_SETLK); }},
    {"fcntl_getlk", [](int fd) { return Lock(fd, F_GETLK); }},
    {"fcntl_ofd_setlk", [](int fd) { return Lock(fd, F_OFD_SETLK); }},
    {"fcntl_setown", [](int fd) -> long { return fcntl(fd, F_SETOWN, getpid()); }},
    {"fcntl_getown", [](int fd) -> long { return fcntl(fd, F_GETOWN); }},
    {"fcntl_getpipe_sz", [](int fd) -> long { return fcntl(fd, F_GETPIPE_SZ); }},
    {"fchmod", [](int fd) -> long { return fchmod(fd, 0600); }},
    {"fchown", [](int fd) { return syscall(SYS_fchown, fd, -1, -1); }},
    {"fgetxattr", [](int fd) -> long { return fgetxattr(fd, "user.a", scratch, 9); }},
    {"fsetxattr", [](int fd) -> long { return fsetxattr(fd, "user.a", "v", 1, 0); }},
    {"flistxattr", [](int fd) -> long { return flistxattr(fd, scratch, 9); }},
    {"fremovexattr", [](int fd) -> long { return fremovexattr(fd, "user.a"); }},
    {"futimens", [](int fd) { return syscall(SYS_utimensat, fd, nullptr, nullptr, 0); }},
    {"getdents", [](int fd) { return syscall(SYS_getdents, fd, scratch, sizeof(scratch)); }},
    {"getdents64", [](int fd) { return syscall(SYS_getdents64, fd, scratch, sizeof(scratch)); }},
    {"mmap", Map},
    {"sendfile_in", [](int fd) -> long { return sendfile(STDOUT_FILENO, fd, nullptr, 1); }},
    {"sendfile_out", [](int fd) -> long { return sendfile(fd, fd, nullptr, 1); }},
    {"splice", [](int fd) -> long { return splice(fd, nullptr, fd, nullptr, 1, 0); }},
    {"tee", [](int fd) -> long { return tee(fd, fd, 1, 0); }},
    {"vmsplice", [](int fd) -> long { return vmsplice(fd, &one_byte, 1, 0); }},
    {"copy_file_range",
     [](int fd) -> long { return copy_file_range(fd, nullptr, fd, nullptr, 1, 0); }},
    {"epoll_ctl", [](int fd) -> long { return epoll_ctl(fd, EPOLL_CTL_DEL, fd, nullptr); }},
    {"epoll_wait",
     [](int fd) -> long {
       epoll_event event;
       return epoll_wait(fd, &event, 1, 0);
     }},
    {"timerfd_gettime",
     [](int fd) -> long {
       itimerspec value;
       return timerfd_gettime(fd, &value);
     }},
    {"timerfd_settime",
     [](int fd) -> long {
       const itimerspec never = {};
       return timerfd_settime(fd, 0, &never, nullptr);
     }},
    {"inotify_add_watch", [](int fd) -> long { return inotify_add_watch(fd, ".", IN_MODIFY); }},
    {"inotify_rm_watch", [](int fd) -> long { return inotify_rm_watch(fd, 1); }},
    {"pidfd_send_signal", [](int fd) { return syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0); }},
    {"pidfd_getfd", [](int fd) { return syscall(SYS_pidfd_getfd, fd, 0, 0); }},
};

// What works with a descriptor that only names a file.
const FdCall kNames[] = {
    {"close", [](int fd) -> long { return close(fd); }},
    {"fstat", [](int fd) -> long { return fstat(fd, &stat_buffer); }},
    {"fstatfs", [](int fd) -> long { return fstatfs(fd, &statfs_buffer); }},
    {"fcntl_getfd", [](int fd) -> long { return fcntl(fd, F_GETFD); }},
    {"fcntl_setfd", [](int fd) -> long { return fcntl(fd, F_SETFD, FD_CLOEXEC); }},
    {"fcntl_getfl", [](int fd) -> long { return fcntl(fd, F_GETFL); }},
    {"dup2", [](int fd) -> long { return dup2(fd, fd); }},
};

// bind(2) and its relatives.
sockaddr_un address = {AF_UNIX, "nobody-listens-here"};
socklen_t length = sizeof(address);
int value = 0;
msghdr message = {};
mmsghdr messages[1] = {};

sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address); }

const FdCall kSocketCalls[] = {
    {"bind", [](int fd) -> long { return bind(fd, Address(), sizeof(address)); }},
    {"connect", [](int fd) -> long { return connect(fd, Address(), sizeof(address)); }},
    {"listen", [](int fd) -> long { return listen(fd, 1); }},
    {"accept", [](int fd) -> long { return accept(fd, nullptr, nullptr); }},
    {"accept4", [](int fd) -> long { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); }},
    {"getsockname", [](int fd) -> long { return getsockname(fd, Address(), &length); }},
    {"getpeername", [](int fd) -> long { return getpeername(fd, Address(), &length); }},
    {"getsockopt",
     [](int fd) -> long { return getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length); }},
    {"setsockopt",
     [](int fd) -> long { return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &value, sizeof(value)); }},
    {"shutdown", [](int fd) -> long { return shutdown(fd, SHUT_RDWR); }},
    {"sendto", [](int fd) -> long { return send(fd, scratch, 1, MSG_NOSIGNAL); }},
    {"recvfrom", [](int fd) -> long { return recv(fd, scratch, 1, MSG_DONTWAIT); }},
    {"sendmsg", [](int fd) -> long { return sendmsg(fd, &message, MSG_NOSIGNAL); }},
    {"recvmsg", [](int fd) -> long { return recvmsg(fd, &message, MSG_DONTWAIT); }},
    {"sendmmsg", [](int fd) -> long { return sendmmsg(fd, messages, 1, MSG_NOSIGNAL); }},
    {"recvmmsg", [](int fd) -> long { return recvmmsg(fd, messages, 1, MSG_DONTWAIT, nullptr); }},
};

class FdErrnoTest : public TempDirTest, public testing::WithParamInterface<FdCall> {
 protected:
  void SetUp() override { WriteFile(Path("file"), "content"); }
  static long Call(int fd) { return GetParam().call(fd); }
};
class UseErrnoTest : public FdErrnoTest {};
class SocketErrnoTest : public FdErrnoTest {};

TEST_P(FdErrnoTest, NoDescriptorFailsWithEbadf) {
  EXPECT_ERRNO(EBADF, Call(-1));
  EXPECT_ERRNO(EBADF, Call(1'000'000));
  EXPECT_ERRNO(EBADF, Call(std::numeric_limits<int>::max()));
}

TEST_P(UseErrnoTest, PathDescriptorFailsWithEbadf) {
  Fd file = OpenFile(Path("file"), O_PATH);
  EXPECT_ERRNO(EBADF, Call(file.get()));
  Fd directory = OpenFile(Root(), O_PATH);
  EXPECT_ERRNO(EBADF, Call(directory.get()));
}

TEST_P(SocketErrnoTest, WhatIsNoSocketFailsWithEnotsock) {
  Fd file = OpenFile(Path("file"), O_RDWR);
  EXPECT_ERRNO(ENOTSOCK, Call(file.get()));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(ENOTSOCK, Call(directory.get()));
  Fd counter(eventfd(0, EFD_CLOEXEC));
  EXPECT_ERRNO(ENOTSOCK, Call(counter.get()));
  Fd null = OpenFile("/dev/null", O_RDWR);
  EXPECT_ERRNO(ENOTSOCK, Call(null.get()));
}

std::string NameOf(const testing::TestParamInfo<FdCall>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Uses, FdErrnoTest, testing::ValuesIn(kUses), NameOf);
INSTANTIATE_TEST_SUITE_P(Names, FdErrnoTest, testing::ValuesIn(kNames), NameOf);
INSTANTIATE_TEST_SUITE_P(Sockets, FdErrnoTest, testing::ValuesIn(kSocketCalls), NameOf);
INSTANTIATE_TEST_SUITE_P(Uses, UseErrnoTest, testing::ValuesIn(kUses), NameOf);
INSTANTIATE_TEST_SUITE_P(Sockets, UseErrnoTest, testing::ValuesIn(kSocketCalls), NameOf);
INSTANTIATE_TEST_SUITE_P(Calls, SocketErrnoTest, testing::ValuesIn(kSocketCalls), NameOf);

// --- What flows has no positions ---------------------------------------------------------------

struct Stream {
  const char* name;
  Fd (*make)();
};
void PrintTo(const Stream& stream, std::ostream* out) { *out << stream.name; }

Fd EndOfPipe(int which) {
  int ends[2] = {-1, -1};
  EXPECT_OK(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
  close(ends[1 - which]);
  return Fd(ends[which]);
}
Fd SignalFd() {
  sigemptyset(&no_signals);
  return Fd(signalfd(-1, &no_signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

const Stream kStreams[] = {
    {"pipe_reader", [] { return EndOfPipe(0); }},
    {"pipe_writer", [] { return EndOfPipe(1); }},
    {"stream_socket", [] { return Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }},
    {"datagram_socket", [] { return Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }},
    {"eventfd", [] { return Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }},
    {"timerfd", [] { return Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }},
    {"signalfd", SignalFd},
    {"inotify", [] { return Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }},
    {"epoll", [] { return Fd(epoll_create1(EPOLL_CLOEXEC)); }},
};

class StreamErrnoTest : public testing::TestWithParam<Stream> {
 protected:
  void SetUp() override { ASSERT_TRUE(fd_.ok()); }
  const Fd fd_ = GetParam().make();
};

// Even where the descriptor could not be read or written at all.
TEST_P(StreamErrnoTest, TransfersAtAPositionFailWithEspipe) {
  EXPECT_ERRNO(ESPIPE, pread(fd_.get(), scratch, 1, 0));
  EXPECT_ERRNO(ESPIPE, pwrite(fd_.get(), scratch, 1, 0));
  EXPECT_ERRNO(ESPIPE, preadv(fd_.get(), &one_byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, pwritev(fd_.get(), &one_byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, preadv2(fd_.get(), &one_byte, 1, 0, 0));
  EXPECT_ERRNO(ESPIPE, pwritev2(fd_.get(), &one_byte, 1, 0, 0));
  EXPECT_ERRNO(ESPIPE, pread(fd_.get(), BadPointer<char>(), 0, 0));
}

TEST_P(StreamErrnoTest, NegativePositionsFailWithEinvalAllTheSame) {
  EXPECT_ERRNO(EINVAL, pread(fd_.get(), scratch, 1, -1));
  EXPECT_ERRNO(EINVAL, pwrite(fd_.get(), scratch, 1, -1));
  EXPECT_ERRNO(EINVAL, preadv(fd_.get(), &one_byte, 1, -1));
  EXPECT_ERRNO(EINVAL, pwritev(fd_.get(), &one_byte, 1, -1));
}

TEST_P(StreamErrnoTest, SizesAndSpaceAreNotTheirs) {
  EXPECT_ERRNO(EINVAL, ftruncate(fd_.get(), 0));
  EXPECT_ERRNO(OneOf(EBADF, ESPIPE, ENODEV), fallocate(fd_.get(), 0, 0, 1));
  EXPECT_ERRNO(ENOTDIR, syscall(SYS_getdents64, fd_.get(), scratch, sizeof(scratch)));
  EXPECT_ERRNO(ENOTDIR, fchdir(fd_.get()));
  EXPECT_ERRNO(OneOf(ENODEV, EACCES), Map(fd_.get()));
}

TEST_P(StreamErrnoTest, LocksCountFromPositionZero) {
  struct flock lock = {};
  lock.l_type = F_UNLCK;
  lock.l_whence = SEEK_CUR;
  EXPECT_OK(fcntl(fd_.get(), F_SETLK, &lock));
  lock.l_start = std::numeric_limits<off_t>::max();
  lock.l_len = 5;
  EXPECT_ERRNO(EOVERFLOW, fcntl(fd_.get(), F_SETLK, &lock));
}

INSTANTIATE_TEST_SUITE_P(Kinds, StreamErrnoTest, testing::ValuesIn(kStreams),
                         [](const auto& info) { return std::string(info.param.name); });

// Errnos of calls with a descriptor not provoked by these tests:
// - EIO, ENOSPC, EDQUOT, EROFS of fsync(2), close(2) and their like: failing or full hardware.
// - EINTR of close(2), dup(2), fchdir(2): only file systems that are not here can be interrupted.
// - EBUSY of dup2(2): a race with open(2) that no program can bring about at will.
// - EDESTADDRREQ of write(2): sockets here say ENOTCONN (unix_datagram_test.cc).

}  // namespace
}  // namespace ukrun::compat_tests
