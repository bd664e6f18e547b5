// Unix-domain sockets: creation, names, binding, listening, connecting.

#include <sys/stat.h>

#include "compat-tests/util/process_exec_util.h"
#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

class UnixAddressTest : public DeadlineTest {
 protected:
  ScratchDirectory directory_;
};

TEST_F(UnixAddressTest, SocketCallHasItsFlags) {
  EXPECT_EQ(fcntl(Socket(SOCK_STREAM, 0).get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(Socket(SOCK_DGRAM, SOCK_CLOEXEC).get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(Socket(SOCK_SEQPACKET, SOCK_NONBLOCK).get(), F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST_F(UnixAddressTest, SocketCallRefusesBadArguments) {
  int ends[2];
  EXPECT_ERRNO(EAFNOSUPPORT, socket(255, SOCK_STREAM, 0));
  EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
  EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 99));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, 0x0f, 0));
  EXPECT_ERRNO(ESOCKTNOSUPPORT, socketpair(AF_UNIX, SOCK_RDM, 0, ends));
  EXPECT_ERRNO(EFAULT, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
  EXPECT_TRUE(Fd(socket(AF_UNIX, SOCK_STREAM, PF_UNIX)).ok());
}

TEST_F(UnixAddressTest, UnboundSocketHasNoName) {
  const Fd socket = Socket(SOCK_STREAM);
  UnixAddress address;
  ASSERT_EQ(getsockname(socket.get(), address.get(), address.Room()), 0);
  EXPECT_EQ(address.length(), sizeof(sa_family_t));
  EXPECT_EQ(address.get()->sa_family, AF_UNIX);
}

TEST_F(UnixAddressTest, BindCreatesASocketFile) {
  const std::string path = directory_.path("socket");
  const Fd socket = Socket(SOCK_STREAM);
  const mode_t mask = umask(027);
  ASSERT_EQ(Bind(socket, UnixAddress(path)), 0);
  umask(mask);
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0750u);
  EXPECT_EQ(SocketName(socket), path);
}

TEST_F(UnixAddressTest, SocketFileOutlivesTheSocketAndRefusesConnections) {
  const std::string path = directory_.path("socket");
  {
    const Fd socket = Socket(SOCK_STREAM);
    ASSERT_EQ(Bind(socket, UnixAddress(path)), 0);
    ASSERT_EQ(listen(socket.get(), 1), 0);
  }
  const Fd client = Socket(SOCK_STREAM);
  EXPECT_ERRNO(ECONNREFUSED, Connect(client, UnixAddress(path)));
  EXPECT_ERRNO(EADDRINUSE, Bind(Socket(SOCK_STREAM), UnixAddress(path)));
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(Bind(Socket(SOCK_STREAM), UnixAddress(path)), 0);
}

TEST_F(UnixAddressTest, SocketFileCannotBeOpened) {
  const std::string path = directory_.path("socket");
  const Fd socket = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(socket, UnixAddress(path)), 0);
  EXPECT_ERRNO(ENXIO, open(path.c_str(), O_RDWR));
}

TEST_F(UnixAddressTest, RelativePathsAndSymlinksWork) {
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(chdir(directory_.path().c_str()) == 0);
              const Fd listener = Socket(SOCK_STREAM);
              CHILD_CHECK(Bind(listener, UnixAddress("relative")) == 0);
              CHILD_CHECK(SocketName(listener) == "relative");
              CHILD_CHECK(listen(listener.get(), 1) == 0);
              CHILD_CHECK(symlink("relative", "link") == 0);
              CHILD_CHECK(Connect(Socket(SOCK_STREAM), UnixAddress("link")) == 0);
              // Bind does not follow a link.
              CHILD_CHECK(symlink("nowhere", "dangling") == 0);
              CHILD_CHECK_ERRNO(EADDRINUSE, Bind(Socket(SOCK_STREAM), UnixAddress("dangling")));
            }),
            "exited 0");
}

TEST_F(UnixAddressTest, LongestPathFillsTheStructure) {
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(chdir(directory_.path().c_str()) == 0);
              sockaddr_un address = {};
              address.sun_family = AF_UNIX;
              memset(address.sun_path, 'p', sizeof(address.sun_path));  // No zero at the end.
              const Fd socket = Socket(SOCK_STREAM);
              CHILD_CHECK(
                  bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
              CHILD_CHECK(access(std::string(108, 'p').c_str(), F_OK) == 0);
            }),
            "exited 0");
}

TEST_F(UnixAddressTest, BindRefusesBadPaths) {
  const auto bind_to = [](const std::string& path) {
    return Bind(Socket(SOCK_STREAM), UnixAddress(path));
  };
  EXPECT_ERRNO(ENOENT, bind_to(directory_.path("missing/socket")));
  EXPECT_ERRNO(ENOTDIR, bind_to("/etc/passwd/socket"));
  EXPECT_ERRNO(EADDRINUSE, bind_to("/tmp"));
  ASSERT_EQ(symlink("loop", directory_.path("loop").c_str()), 0);
  EXPECT_ERRNO(ELOOP, bind_to(directory_.path("loop/socket")));
  if (geteuid() == 0) {
    ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
    EXPECT_EQ(RunInChild([&] {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
                CHILD_CHECK_ERRNO(EACCES, bind_to(directory_.path("socket")));
              }),
              "exited 0");
  }
}

TEST_F(UnixAddressTest, BindRefusesBadAddresses) {
  const Fd socket = Socket(SOCK_STREAM);
  UnixAddress address(UniqueName());
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), 1));
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), sizeof(sockaddr_un) + 1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_bind, socket.get(), 8, 20));
  EXPECT_ERRNO(EBADF, bind(-1, address.get(), address.length()));
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  EXPECT_ERRNO(ENOTSOCK, bind(file.get(), address.get(), address.length()));
  address.get()->sa_family = 255;
  EXPECT_ERRNO(EINVAL, bind(socket.get(), address.get(), address.length()));
}

TEST_F(UnixAddressTest, ASocketIsBoundOnce) {
  const Fd socket = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(socket, UnixAddress(UniqueName("a"))), 0);
  EXPECT_ERRNO(EINVAL, Bind(socket, UnixAddress(UniqueName("b"))));
}

TEST_F(UnixAddressTest, AbstractNamesHaveALengthAndMayHoldZeros) {
  const std::string name = UniqueName() + std::string("\0x", 2);
  const Fd socket = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(socket, UnixAddress(name)), 0);
  EXPECT_EQ(SocketName(socket), name);
  EXPECT_ERRNO(EADDRINUSE, Bind(Socket(SOCK_STREAM), UnixAddress(name)));
  EXPECT_EQ(Bind(Socket(SOCK_STREAM), UnixAddress(name + "longer")), 0);
}

TEST_F(UnixAddressTest, AbstractNameIsFreeWhenTheLastDescriptorIsClosed) {
  const std::string name = UniqueName();
  Fd socket = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(socket, UnixAddress(name)), 0);
  Fd copy(dup(socket.get()));
  socket.Reset();
  EXPECT_ERRNO(EADDRINUSE, Bind(Socket(SOCK_STREAM), UnixAddress(name)));
  copy.Reset();
  EXPECT_EQ(Bind(Socket(SOCK_STREAM), UnixAddress(name)), 0);
}

TEST_F(UnixAddressTest, BindToTheBareFamilyChoosesAnAbstractName) {
  const Fd first = Socket(SOCK_STREAM), second = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(first, UnixAddress()), 0);
  ASSERT_EQ(Bind(second, UnixAddress()), 0);
  EXPECT_EQ(SocketName(first).size(), 6u);  // "@" and five hexadecimal digits.
  EXPECT_NE(SocketName(first), SocketName(second));
}

TEST_F(UnixAddressTest, NamesAreCutToTheRoomGiven) {
  const Fd socket = Socket(SOCK_STREAM);
  const std::string name = UniqueName();
  ASSERT_EQ(Bind(socket, UnixAddress(name)), 0);
  char buffer[8] = {};
  socklen_t length = 4;
  ASSERT_EQ(getsockname(socket.get(), reinterpret_cast<sockaddr*>(buffer), &length), 0);
  EXPECT_EQ(length, UnixAddress(name).length());  // What it would have taken.
  EXPECT_EQ(buffer[3], name[1]);
  EXPECT_EQ(buffer[4], 0);
}

TEST_F(UnixAddressTest, PeerNamesOfAConnection) {
  const Listener listener;
  const Fd client = Socket(SOCK_STREAM);
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  const Fd server = listener.Accept();
  EXPECT_EQ(PeerName(client), listener.name);
  EXPECT_EQ(SocketName(server), listener.name);
  EXPECT_EQ(PeerName(server), "");
  EXPECT_EQ(SocketName(client), "");
}

TEST_F(UnixAddressTest, AcceptStoresTheClientsName) {
  const Listener listener;
  const Fd client = Socket(SOCK_STREAM);
  const std::string name = UniqueName("client");
  ASSERT_EQ(Bind(client, UnixAddress(name)), 0);
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  UnixAddress address;
  const Fd server(accept(listener.socket.get(), address.get(), address.Room()));
  EXPECT_EQ(address.name(), name);
}

TEST_F(UnixAddressTest, NameCallsRefuseBadArguments) {
  const Fd socket = Socket(SOCK_STREAM);
  UnixAddress address;
  socklen_t negative = static_cast<socklen_t>(-1);
  EXPECT_ERRNO(ENOTCONN, getpeername(socket.get(), address.get(), address.Room()));
  EXPECT_ERRNO(EINVAL, getsockname(socket.get(), address.get(), &negative));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getsockname, socket.get(), address.get(), 8));
  EXPECT_ERRNO(EBADF, getsockname(-1, address.get(), address.Room()));
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  EXPECT_ERRNO(ENOTSOCK, getsockname(file.get(), address.get(), address.Room()));
}

TEST_F(UnixAddressTest, PairsAreConnectedAndNameless) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const SocketPair pair(type);
    EXPECT_EQ(PeerName(pair.first), "");
    EXPECT_EQ(SocketName(pair.second), "");
    EXPECT_EQ(Send(pair.first, "there"), 5);
    EXPECT_EQ(Receive(pair.second), "there");
    EXPECT_EQ(Send(pair.second, "back"), 4);
    EXPECT_EQ(Receive(pair.first), "back");
  }
}

}  // namespace
}  // namespace compat
