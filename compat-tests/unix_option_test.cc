// Options of Unix-domain sockets: getsockopt(2), setsockopt(2), time limits, ioctls, stat.

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

class UnixOptionTest : public DeadlineTest {};

TEST_F(UnixOptionTest, TypeDomainAndProtocol) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const Fd socket = Socket(type);
    EXPECT_EQ(GetOption(socket, SO_TYPE), type);
    EXPECT_EQ(GetOption(socket, SO_DOMAIN), AF_UNIX);
    EXPECT_EQ(GetOption(socket, SO_PROTOCOL), 0);
  }
}

TEST_F(UnixOptionTest, AcceptconnTellsAListener) {
  const Fd socket = Socket(SOCK_STREAM);
  EXPECT_EQ(GetOption(socket, SO_ACCEPTCONN), 0);
  ASSERT_EQ(Bind(socket, UnixAddress()), 0);
  ASSERT_EQ(listen(socket.get(), 1), 0);
  EXPECT_EQ(GetOption(socket, SO_ACCEPTCONN), 1);
}

TEST_F(UnixOptionTest, SwitchesKeepWhatIsSet) {
  const Fd socket = Socket(SOCK_STREAM);
  for (const int option : {SO_PASSCRED, SO_KEEPALIVE, SO_REUSEADDR, SO_BROADCAST}) {
    EXPECT_EQ(GetOption(socket, option), 0) << option;
    EXPECT_EQ(SetOption(socket, option, 1), 0) << option;
    EXPECT_EQ(GetOption(socket, option), 1) << option;
    EXPECT_EQ(SetOption(socket, option, 0), 0) << option;
    EXPECT_EQ(GetOption(socket, option), 0) << option;
  }
}

TEST_F(UnixOptionTest, BufferSizesAreDoubledAndHaveAMinimum) {
  const Fd socket = Socket(SOCK_STREAM);
  EXPECT_GT(GetOption(socket, SO_SNDBUF), 16'384);
  EXPECT_GT(GetOption(socket, SO_RCVBUF), 16'384);
  ASSERT_EQ(SetOption(socket, SO_SNDBUF, 20'000), 0);
  EXPECT_EQ(GetOption(socket, SO_SNDBUF), 40'000);
  ASSERT_EQ(SetOption(socket, SO_SNDBUF, 1), 0);
  EXPECT_GT(GetOption(socket, SO_SNDBUF), 1000);
  ASSERT_EQ(SetOption(socket, SO_RCVBUF, 1), 0);
  EXPECT_GT(GetOption(socket, SO_RCVBUF), 1000);
}

TEST_F(UnixOptionTest, SmallSendBufferHoldsLess) {
  const SocketPair large(SOCK_STREAM, SOCK_NONBLOCK), small(SOCK_STREAM, SOCK_NONBLOCK);
  ASSERT_EQ(SetOption(small.first, SO_SNDBUF, 4096), 0);
  const auto fill = [](const Fd& socket) {
    size_t total = 0;
    for (ssize_t sent = 0; (sent = Send(socket, std::string(1024, 'x'))) > 0;) {
      total += static_cast<size_t>(sent);
    }
    EXPECT_EQ(errno, EAGAIN);
    return total;
  };
  EXPECT_LT(fill(small.first), fill(large.first));
}

TEST_F(UnixOptionTest, ReceiveTimeoutEndsTheWaitWithEagain) {
  const SocketPair pair(SOCK_STREAM);
  const timeval limit = {0, 30'000};
  ASSERT_EQ(SetOption(pair.first, SO_RCVTIMEO, limit), 0);
  const auto stored = GetOption<timeval>(pair.first, SO_RCVTIMEO);
  EXPECT_EQ(stored.tv_sec, 0);
  EXPECT_GE(stored.tv_usec, 30'000);
  EXPECT_LE(stored.tv_usec, 40'000);  // Rounded up to a tick.
  const int64_t start_ns = NowNs();
  char byte;
  EXPECT_ERRNO(EAGAIN, recv(pair.first.get(), &byte, 1, 0));
  EXPECT_GE(NowNs() - start_ns, 29 * kMillisecondNs);
  EXPECT_ERRNO(EAGAIN, read(pair.first.get(), &byte, 1));
}

TEST_F(UnixOptionTest, SendTimeoutEndsTheWaitWithEagain) {
  const SocketPair pair(SOCK_STREAM);
  const timeval limit = {0, 20'000};
  ASSERT_EQ(SetOption(pair.first, SO_SNDTIMEO, limit), 0);
  ssize_t sent = 0;
  while ((sent = Send(pair.first, std::string(100'000, 'x'))) > 0) {
  }
  EXPECT_EQ(sent, -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(UnixOptionTest, AcceptTimeoutEndsTheWaitWithEagain) {
  const Listener listener;
  const timeval limit = {0, 20'000};
  ASSERT_EQ(SetOption(listener.socket, SO_RCVTIMEO, limit), 0);
  EXPECT_ERRNO(EAGAIN, accept(listener.socket.get(), nullptr, nullptr));
}

TEST_F(UnixOptionTest, TimeoutsAreChecked) {
  const Fd socket = Socket(SOCK_STREAM);
  const timeval overfull = {0, 1'000'000}, none = {0, 0};
  EXPECT_ERRNO(EDOM, SetOption(socket, SO_RCVTIMEO, overfull));
  EXPECT_EQ(SetOption(socket, SO_RCVTIMEO, none), 0);  // For ever, again.
  EXPECT_ERRNO(EINVAL, setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &none, 4));
}

TEST_F(UnixOptionTest, LingerIsStored) {
  const Fd socket = Socket(SOCK_STREAM);
  const linger wanted = {1, 5};
  ASSERT_EQ(SetOption(socket, SO_LINGER, wanted), 0);
  const auto stored = GetOption<linger>(socket, SO_LINGER);
  EXPECT_EQ(stored.l_onoff, 1);
  EXPECT_EQ(stored.l_linger, 5);
}

TEST_F(UnixOptionTest, ErrorIsReadOnceAndCleared) {
  SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(GetOption(pair.first, SO_ERROR), 0);
  Send(pair.first, "never read");
  pair.second.Reset();
  EXPECT_EQ(GetOption(pair.first, SO_ERROR), ECONNRESET);
  EXPECT_EQ(GetOption(pair.first, SO_ERROR), 0);
}

TEST_F(UnixOptionTest, ShortRoomCutsTheValue) {
  const Fd socket = Socket(SOCK_DGRAM);
  unsigned char value = 0xff;
  socklen_t length = 1;
  ASSERT_EQ(getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &value, &length), 0);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(value, SOCK_DGRAM);
}

TEST_F(UnixOptionTest, BadArgumentsAreRefused) {
  const Fd socket = Socket(SOCK_STREAM);
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  int value = 0;
  socklen_t length = sizeof(value), negative = static_cast<socklen_t>(-1);
  EXPECT_ERRNO(ENOPROTOOPT, getsockopt(socket.get(), SOL_SOCKET, 9999, &value, &length));
  EXPECT_ERRNO(ENOPROTOOPT, setsockopt(socket.get(), SOL_SOCKET, 9999, &value, sizeof(value)));
  EXPECT_ERRNO(EOPNOTSUPP, getsockopt(socket.get(), 6, 1, &value, &length));
  EXPECT_ERRNO(EOPNOTSUPP, setsockopt(socket.get(), 6, 1, &value, sizeof(value)));
  EXPECT_ERRNO(EINVAL, setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &value, 3));
  EXPECT_ERRNO(EINVAL, getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &value, &negative));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getsockopt, socket.get(), SOL_SOCKET, SO_TYPE, 8, &length));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getsockopt, socket.get(), SOL_SOCKET, SO_TYPE, &value, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_setsockopt, socket.get(), SOL_SOCKET, SO_SNDBUF, 8, 4));
  EXPECT_ERRNO(ENOPROTOOPT, setsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &value, sizeof(value)));
  EXPECT_ERRNO(EBADF, getsockopt(-1, SOL_SOCKET, SO_TYPE, &value, &length));
  EXPECT_ERRNO(ENOTSOCK, getsockopt(file.get(), SOL_SOCKET, SO_TYPE, &value, &length));
  EXPECT_ERRNO(ENOTSOCK, setsockopt(file.get(), SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
}

TEST_F(UnixOptionTest, NonblockingModeBySeveralWays) {
  const SocketPair pair(SOCK_STREAM);
  char byte;
  int on = 1;
  ASSERT_EQ(ioctl(pair.first.get(), FIONBIO, &on), 0);
  EXPECT_NE(fcntl(pair.first.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_ERRNO(EAGAIN, recv(pair.first.get(), &byte, 1, 0));
  on = 0;
  ASSERT_EQ(ioctl(pair.first.get(), FIONBIO, &on), 0);
  EXPECT_EQ(fcntl(pair.first.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_EQ(ioctl(pair.first.get(), FIOCLEX), 0);
  EXPECT_EQ(fcntl(pair.first.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(UnixOptionTest, StatAndProcDescribeASocket) {
  const Fd socket = Socket(SOCK_STREAM);
  struct stat status = {};
  ASSERT_EQ(fstat(socket.get(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0777u);
  char name[64] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(socket.get());
  ASSERT_GT(readlink(path.c_str(), name, sizeof(name) - 1), 0);
  EXPECT_EQ(std::string(name), "socket:[" + std::to_string(status.st_ino) + "]");
  EXPECT_ERRNO(ENXIO, open(path.c_str(), O_RDWR));
  EXPECT_ERRNO(ESPIPE, lseek(socket.get(), 0, SEEK_SET));
  char byte = 0;
  EXPECT_ERRNO(ESPIPE, pread(socket.get(), &byte, 1, 0));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ENOMEM, ENOBUFS (host conditions), EPERM and EACCES of privileged
// options (SO_SNDBUFFORCE, SO_DEBUG, SO_PRIORITY), which sandboxed programs have no use for.
