// What the calls of Unix sockets answer to bad arguments and in states that don't suit them. The
// errors of descriptors that are no sockets are in descriptor_errno_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct Address {
  explicit Address(const std::string& path) {
    EXPECT_LT(path.size(), sizeof(unix_address.sun_path));
    path.copy(unix_address.sun_path, sizeof(unix_address.sun_path) - 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&unix_address); }
  sockaddr_un unix_address = {AF_UNIX, ""};
};
constexpr socklen_t kSize = sizeof(sockaddr_un);

struct Pair {
  explicit Pair(int type) {
    int ends[2] = {-1, -1};
    EXPECT_OK(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
    first = Fd(ends[0]);
    second = Fd(ends[1]);
  }
  Fd first;
  Fd second;
};

Fd NewSocket(int type) { return Fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

class UnixErrnoTest : public TempDirTest {
 protected:
  char bytes_[16] = {};
};

TEST_F(UnixErrnoTest, SocketAndSocketpairRefuseWhatThereIsNot) {
  int ends[2];
  EXPECT_ERRNO(EAFNOSUPPORT, socket(99, SOCK_STREAM, 0));
  EXPECT_ERRNO(EAFNOSUPPORT, socketpair(99, SOCK_STREAM, 0, ends));
  EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 99));
  EXPECT_ERRNO(EPROTONOSUPPORT, socketpair(AF_UNIX, SOCK_STREAM, 99, ends));
  EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
  EXPECT_ERRNO(ESOCKTNOSUPPORT, socketpair(AF_UNIX, SOCK_RDM, 0, ends));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, 99, 0));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
  EXPECT_ERRNO(EINVAL, socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, ends));
  EXPECT_ERRNO(EFAULT, socketpair(AF_UNIX, SOCK_STREAM, 0, BadPointer<int>()));
}

TEST_F(UnixErrnoTest, PathsOfAddressesAreWalkedLikeOthers) {
  WriteFile(Path("file"), "");
  ASSERT_OK(symlink("loop", Path("loop")));
  Fd socket = NewSocket(SOCK_STREAM);
  Fd datagrams = NewSocket(SOCK_DGRAM);
  const struct {
    const char* path;
    int error;
  } kCases[] = {{"missing/name", ENOENT}, {"file/name", ENOTDIR}, {"loop/name", ELOOP}};
  for (const auto& [path, error] : kCases) {
    const Address address(Path(path));
    EXPECT_ERRNO(error, bind(socket.get(), address.get(), kSize));
    EXPECT_ERRNO(error, connect(socket.get(), address.get(), kSize));
    EXPECT_ERRNO(error, sendto(datagrams.get(), "x", 1, 0, address.get(), kSize));
  }
  const Address file(Path("file"));
  EXPECT_ERRNO(EADDRINUSE, bind(socket.get(), file.get(), kSize));
  EXPECT_ERRNO(ECONNREFUSED, connect(socket.get(), file.get(), kSize));
  EXPECT_ERRNO(ECONNREFUSED, sendto(datagrams.get(), "x", 1, 0, file.get(), kSize));
}

TEST_F(UnixErrnoTest, SocketsWithoutPermissionFailWithEacces) {
  ASSERT_OK(mkdir(Path("closed"), 0755));
  const Address inside(Path("closed/socket"));
  const Address beside(Path("socket"));
  Fd listener = NewSocket(SOCK_STREAM);
  ASSERT_OK(bind(listener.get(), beside.get(), kSize));
  ASSERT_OK(listen(listener.get(), 1));
  ASSERT_OK(chmod(Path("socket"), 0400));
  ASSERT_OK(chmod(Path("closed"), 0500));
  GiveToOrdinaryUser(Path("socket"));
  GiveToOrdinaryUser(Path("closed"));
  ExpectPassesAsOrdinaryUser([&] {
    Fd socket = NewSocket(SOCK_STREAM);
    EXPECT_ERRNO(EACCES, connect(socket.get(), beside.get(), kSize));
    EXPECT_ERRNO(EACCES, bind(socket.get(), inside.get(), kSize));
  });
}

TEST_F(UnixErrnoTest, AddressesHaveAFamilyAndALength) {
  Fd socket = NewSocket(SOCK_DGRAM);
  Address address("@nobody");
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), 1));
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), kSize + 1));
  EXPECT_ERRNO(EINVAL, connect(socket.get(), address.get(), kSize + 1));
  EXPECT_ERRNO(EINVAL, sendto(socket.get(), "x", 1, 0, address.get(), kSize + 1));
  address.unix_address.sun_family = AF_INET;
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), kSize));
  EXPECT_ERRNO(EINVAL, connect(socket.get(), address.get(), kSize));
  EXPECT_ERRNO(EINVAL, sendto(socket.get(), "x", 1, 0, address.get(), kSize));
  const auto* nowhere = BadPointer<const sockaddr>();
  EXPECT_ERRNO(EFAULT, bind(socket.get(), nowhere, kSize));
  EXPECT_ERRNO(EFAULT, connect(socket.get(), nowhere, kSize));
  EXPECT_ERRNO(EFAULT, sendto(socket.get(), "x", 1, 0, nowhere, kSize));
  Pair pair(SOCK_DGRAM);
  sockaddr_un name = {};
  socklen_t size = static_cast<socklen_t>(-1);
  auto* room = reinterpret_cast<sockaddr*>(&name);
  EXPECT_ERRNO(EINVAL, getsockname(pair.first.get(), room, &size));
  EXPECT_ERRNO(EINVAL, getpeername(pair.first.get(), room, &size));
  EXPECT_ERRNO(EFAULT, getsockname(pair.first.get(), room, BadPointer<socklen_t>()));
  EXPECT_ERRNO(EFAULT, getpeername(pair.first.get(), room, BadPointer<socklen_t>()));
  size = kSize;
  EXPECT_ERRNO(EFAULT, getpeername(pair.first.get(), BadPointer<sockaddr>(), &size));
  EXPECT_ERRNO(ENOTCONN, getpeername(socket.get(), room, &size));
}

TEST_F(UnixErrnoTest, CallsOfStreamsThatAreNotConnected) {
  Fd socket = NewSocket(SOCK_STREAM);
  EXPECT_ERRNO(EINVAL, accept(socket.get(), nullptr, nullptr));
  EXPECT_ERRNO(EINVAL, accept4(socket.get(), nullptr, nullptr, 0x100));
  EXPECT_ERRNO(EINVAL, listen(socket.get(), 1));  // It has no name.
  EXPECT_ERRNO(EINVAL, recv(socket.get(), bytes_, 1, 0));
  EXPECT_ERRNO(ENOTCONN, send(socket.get(), "x", 1, MSG_NOSIGNAL));
  EXPECT_OK(shutdown(socket.get(), SHUT_RD));  // Other families say ENOTCONN.
  EXPECT_ERRNO(EINVAL, shutdown(socket.get(), 3));
  EXPECT_ERRNO(EOPNOTSUPP, sendto(socket.get(), "x", 1, 0, Address("@a").get(), kSize));
}

TEST_F(UnixErrnoTest, CallsOfListeners) {
  Fd listener = NewSocket(SOCK_STREAM);
  ASSERT_OK(bind(listener.get(), Address(Path("socket")).get(), kSize));
  EXPECT_ERRNO(EINVAL, bind(listener.get(), Address(Path("other")).get(), kSize));
  ASSERT_OK(listen(listener.get(), 1));
  EXPECT_ERRNO(EAGAIN, accept(listener.get(), nullptr, nullptr));
  EXPECT_ERRNO(EAGAIN, accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_OK(fcntl(listener.get(), F_SETFL, 0));
  InterruptingTimer timer;
  EXPECT_ERRNO(EINTR, accept(listener.get(), nullptr, nullptr));
  EXPECT_ERRNO(EINTR, accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

TEST_F(UnixErrnoTest, CallsOfConnectedStreams) {
  Pair pair(SOCK_STREAM);
  EXPECT_ERRNO(EAGAIN, recv(pair.first.get(), bytes_, 1, 0));
  EXPECT_ERRNO(EAGAIN, recv(pair.first.get(), bytes_, 0, 0));
  msghdr message = {};
  EXPECT_ERRNO(EAGAIN, recvmsg(pair.first.get(), &message, 0));
  Fd listener = NewSocket(SOCK_STREAM);
  const Address somebody(Path("listener"));
  ASSERT_OK(bind(listener.get(), somebody.get(), kSize));
  ASSERT_OK(listen(listener.get(), 1));
  EXPECT_ERRNO(EISCONN, connect(pair.first.get(), somebody.get(), kSize));
  EXPECT_ERRNO(EISCONN, sendto(pair.first.get(), "x", 1, 0, Address("@a").get(), kSize));
  EXPECT_ERRNO(EOPNOTSUPP, accept(Pair(SOCK_DGRAM).first.get(), nullptr, nullptr));
  EXPECT_ERRNO(EOPNOTSUPP, listen(Pair(SOCK_DGRAM).first.get(), 1));
  EXPECT_ERRNO(EFAULT, send(pair.first.get(), BadPointer<char>(), 1, 0));
  EXPECT_ERRNO(EFAULT, sendmsg(pair.first.get(), BadPointer<msghdr>(), 0));
  EXPECT_ERRNO(EFAULT, recvmsg(pair.first.get(), BadPointer<msghdr>(), 0));
  message.msg_iovlen = 1025;
  EXPECT_ERRNO(EMSGSIZE, sendmsg(pair.first.get(), &message, 0));
  EXPECT_ERRNO(EMSGSIZE, recvmsg(pair.first.get(), &message, 0));
  message.msg_iovlen = 0;
  message.msg_namelen = static_cast<socklen_t>(-1);
  message.msg_name = bytes_;
  EXPECT_ERRNO(EINVAL, sendmsg(pair.first.get(), &message, 0));
  EXPECT_ERRNO(EINVAL, recvmsg(pair.first.get(), &message, 0));
  ASSERT_OK(fcntl(pair.first.get(), F_SETFL, 0));
  {
    InterruptingTimer timer;
    EXPECT_ERRNO(EINTR, recv(pair.first.get(), bytes_, 1, 0));
  }
  EXPECT_EQ(send(pair.second.get(), "x", 1, 0), 1);
  EXPECT_EQ(recv(pair.first.get(), bytes_, 0, 0), 0);  // The byte stays.
  EXPECT_EQ(recv(pair.first.get(), bytes_, 1, 0), 1);
  EXPECT_EQ(send(pair.first.get(), "x", 1, 0), 1);
  pair.second.Close();
  EXPECT_ERRNO(ECONNRESET, recv(pair.first.get(), bytes_, 1, 0));
  EXPECT_ERRNO(EPIPE, send(pair.first.get(), "x", 1, MSG_NOSIGNAL));
}

TEST_F(UnixErrnoTest, CallsOfDatagrams) {
  Pair pair(SOCK_DGRAM);
  EXPECT_ERRNO(EAGAIN, recv(pair.first.get(), bytes_, 0, 0));
  EXPECT_EQ(read(pair.first.get(), bytes_, 0), 0);  // Unlike recv of nothing.
  EXPECT_ERRNO(EOPNOTSUPP, recv(pair.first.get(), bytes_, 1, MSG_OOB));
  EXPECT_ERRNO(EOPNOTSUPP, send(pair.first.get(), "x", 1, MSG_OOB));
  const std::string huge(1 << 22, 'x');
  EXPECT_ERRNO(EMSGSIZE, send(pair.first.get(), huge.data(), huge.size(), 0));
  Fd alone = NewSocket(SOCK_DGRAM);
  EXPECT_ERRNO(ENOTCONN, send(alone.get(), "x", 1, 0));
  while (send(pair.first.get(), "x", 1, 0) == 1) {
  }
  EXPECT_ERRNO(EAGAIN, send(pair.first.get(), "x", 1, 0));
  pair.second.Close();
  EXPECT_ERRNO(OneOf(ECONNREFUSED, ECONNRESET), send(pair.first.get(), "x", 1, 0));
}

// Errnos not provoked here: those of other protocols (EADDRNOTAVAIL, EALREADY, EDESTADDRREQ,
// EINPROGRESS, ENETUNREACH, ENOSR, EPROTO, ETIMEDOUT, ECONNABORTED), EPERM (firewalls), EROFS of
// bind (a read-only mount), ENOBUFS and ENOMEM (host conditions).

}  // namespace
}  // namespace ukrun::compat_tests
