// Unix-domain stream sockets: connecting and accepting, data, flags, shutdown, ends.

#include <sys/ioctl.h>
#include <sys/uio.h>

#include <thread>
#include <vector>

#include "compat-tests/util/process_exec_util.h"
#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

class UnixStreamTest : public DeadlineTest {};

TEST_F(UnixStreamTest, ConnectAcceptAndTalk) {
  const Listener listener;
  const Fd client = Socket(SOCK_STREAM);
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  EXPECT_EQ(Send(client, "before accept"), 13);
  const Fd server = listener.Accept();
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(Receive(server), "before accept");
  EXPECT_EQ(Send(server, "answer"), 6);
  EXPECT_EQ(Receive(client), "answer");
}

TEST_F(UnixStreamTest, AcceptFlagsAndInheritance) {
  const Listener listener;
  ASSERT_EQ(fcntl(listener.socket.get(), F_SETFL, O_NONBLOCK), 0);
  const Fd first = Socket(SOCK_STREAM), second = Socket(SOCK_STREAM);
  ASSERT_EQ(Connect(first, UnixAddress(listener.name)), 0);
  ASSERT_EQ(Connect(second, UnixAddress(listener.name)), 0);
  const Fd plain(accept(listener.socket.get(), nullptr, nullptr));
  EXPECT_EQ(fcntl(plain.get(), F_GETFL) & O_NONBLOCK, 0);  // Not inherited.
  EXPECT_EQ(fcntl(plain.get(), F_GETFD), 0);
  const Fd flagged = listener.Accept(SOCK_NONBLOCK | SOCK_CLOEXEC);
  EXPECT_NE(fcntl(flagged.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(fcntl(flagged.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_ERRNO(EAGAIN, accept(listener.socket.get(), nullptr, nullptr));
}

TEST_F(UnixStreamTest, AcceptWaitsForAConnection) {
  const Listener listener;
  const pid_t me = getpid();
  std::thread connector([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    const Fd client = Socket(SOCK_STREAM);
    EXPECT_EQ(Connect(client, UnixAddress(listener.name)), 0);
    EXPECT_EQ(Send(client, "x"), 1);
  });
  const Fd server = listener.Accept();
  EXPECT_EQ(Receive(server), "x");
  connector.join();
}

TEST_F(UnixStreamTest, ConnectBeyondTheBacklogBlocksOrFailsWithEagain) {
  const Listener listener(SOCK_STREAM, 1);
  std::vector<Fd> clients;
  int connected = 0;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Socket(SOCK_STREAM, SOCK_NONBLOCK));
    if (Connect(clients.back(), UnixAddress(listener.name)) != 0) {
      EXPECT_EQ(errno, EAGAIN);
      break;
    }
    ++connected;
  }
  EXPECT_EQ(connected, 2);
  const pid_t pid = ForkChild(
      [&] { CHILD_CHECK(Connect(Socket(SOCK_STREAM), UnixAddress(listener.name)) == 0); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  EXPECT_TRUE(listener.Accept().ok());
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(UnixStreamTest, ConnectErrors) {
  const Listener listener, other_listener;
  const Fd client = Socket(SOCK_STREAM);
  EXPECT_ERRNO(ECONNREFUSED, Connect(client, UnixAddress(UniqueName("nobody"))));
  EXPECT_ERRNO(ENOENT, Connect(client, UnixAddress("/tmp/nowhere/socket")));
  const Fd bound = Socket(SOCK_STREAM);
  const std::string name = UniqueName("bound");
  ASSERT_EQ(Bind(bound, UnixAddress(name)), 0);
  EXPECT_ERRNO(ECONNREFUSED, Connect(client, UnixAddress(name)));  // Bound but not listening.
  // Abstract names belong to one type of socket, paths do not.
  EXPECT_ERRNO(ECONNREFUSED, Connect(Socket(SOCK_DGRAM), UnixAddress(listener.name)));
  ScratchDirectory directory;
  const std::string regular = directory.Write("regular", "no socket", 0600);
  EXPECT_ERRNO(ECONNREFUSED, Connect(client, UnixAddress(regular)));
  const Fd at_path = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(at_path, UnixAddress(directory.path("socket"))), 0);
  ASSERT_EQ(listen(at_path.get(), 1), 0);
  EXPECT_ERRNO(EPROTOTYPE, Connect(Socket(SOCK_DGRAM), UnixAddress(directory.path("socket"))));
  EXPECT_ERRNO(EPROTOTYPE, Connect(Socket(SOCK_SEQPACKET), UnixAddress(directory.path("socket"))));
  UnixAddress wrong(listener.name);
  wrong.get()->sa_family = 255;
  EXPECT_ERRNO(EINVAL, Connect(client, wrong));
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  EXPECT_ERRNO(EISCONN, Connect(client, UnixAddress(listener.name)));
  EXPECT_ERRNO(EINVAL, Connect(listener.socket, UnixAddress(other_listener.name)));
  EXPECT_ERRNO(EBADF, Connect(Fd(), UnixAddress(name)));
  EXPECT_ERRNO(EFAULT, syscall(SYS_connect, client.get(), 8, 20));
}

TEST_F(UnixStreamTest, ListenAndAcceptErrors) {
  const Fd unbound = Socket(SOCK_STREAM);
  EXPECT_ERRNO(EINVAL, listen(unbound.get(), 1));
  const Fd datagram = Socket(SOCK_DGRAM);
  ASSERT_EQ(Bind(datagram, UnixAddress(UniqueName())), 0);
  EXPECT_ERRNO(EOPNOTSUPP, listen(datagram.get(), 1));
  EXPECT_ERRNO(EINVAL, accept(unbound.get(), nullptr, nullptr));
  EXPECT_ERRNO(EOPNOTSUPP, accept(datagram.get(), nullptr, nullptr));
  const Listener listener;
  EXPECT_EQ(listen(listener.socket.get(), 10), 0);  // Again changes the backlog.
  EXPECT_ERRNO(EINVAL, accept4(listener.socket.get(), nullptr, nullptr, 0x100));
  EXPECT_ERRNO(EBADF, accept(-1, nullptr, nullptr));
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  EXPECT_ERRNO(ENOTSOCK, listen(file.get(), 1));
  EXPECT_ERRNO(ENOTSOCK, accept(file.get(), nullptr, nullptr));
}

TEST_F(UnixStreamTest, DataIsAStreamWithoutBorders) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "one");
  Send(pair.first, "two");
  EXPECT_EQ(Receive(pair.second, 4), "onet");
  EXPECT_EQ(Receive(pair.second), "wo");
}

TEST_F(UnixStreamTest, ReadAndWriteWorkToo) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(write(pair.first.get(), "abc", 3), 3);
  char buffer[2];
  const iovec parts[2] = {{&buffer[0], 1}, {&buffer[1], 1}};
  EXPECT_EQ(readv(pair.second.get(), parts, 2), 2);
  EXPECT_EQ(std::string(buffer, 2), "ab");
  EXPECT_EQ(Receive(pair.second), "c");
}

TEST_F(UnixStreamTest, PeekLeavesTheData) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "peek");
  EXPECT_EQ(Receive(pair.second, 2, MSG_PEEK), "pe");
  EXPECT_EQ(Receive(pair.second, 10, MSG_PEEK), "peek");
  EXPECT_EQ(Receive(pair.second), "peek");
}

TEST_F(UnixStreamTest, DontwaitFailsWithEagain) {
  const SocketPair pair(SOCK_STREAM);
  char byte;
  EXPECT_ERRNO(EAGAIN, recv(pair.second.get(), &byte, 1, MSG_DONTWAIT));
  const std::string block(100'000, 'x');
  ssize_t sent = 0;
  while ((sent = Send(pair.first, block, MSG_DONTWAIT)) > 0) {
  }
  EXPECT_EQ(sent, -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(PollSocket(pair.first, POLLOUT), 0);
}

TEST_F(UnixStreamTest, WaitallGathersTheWholeLength) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "abc");
  const pid_t me = getpid();
  std::thread sender([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    Send(pair.first, "def");
  });
  EXPECT_EQ(Receive(pair.second, 6, MSG_WAITALL), "abcdef");
  sender.join();
}

TEST_F(UnixStreamTest, WaitallReturnsLessAtTheEnd) {
  SocketPair pair(SOCK_STREAM);
  Send(pair.first, "abc");
  pair.first.Reset();
  EXPECT_EQ(Receive(pair.second, 6, MSG_WAITALL), "abc");
}

TEST_F(UnixStreamTest, LargeSendIsCompletedAsThePeerReads) {
  const SocketPair pair(SOCK_STREAM);
  const std::string data(2'000'000, 'd');
  std::thread sender([&] { EXPECT_EQ(Send(pair.first, data), 2'000'000); });
  EXPECT_EQ(Receive(pair.second, data.size(), MSG_WAITALL), data);
  sender.join();
}

TEST_F(UnixStreamTest, ClosedPeerMeansEndOfFileAndEpipe) {
  SocketPair pair(SOCK_STREAM);
  Send(pair.first, "last");
  pair.first.Reset();
  EXPECT_EQ(Receive(pair.second), "last");
  EXPECT_EQ(Receive(pair.second), "");
  EXPECT_ERRNO(EPIPE, Send(pair.second, "x"));
  EXPECT_EQ(RunInChild([&] {
              signal(SIGPIPE, SIG_DFL);
              Send(pair.second, "x", 0);
            }),
            "killed by 13");
}

TEST_F(UnixStreamTest, UnreadDataMakesThePeersReadFailWithEconnreset) {
  SocketPair pair(SOCK_STREAM);
  Send(pair.second, "never read");
  pair.first.Reset();
  char byte;
  EXPECT_ERRNO(ECONNRESET, recv(pair.second.get(), &byte, 1, 0));
  EXPECT_EQ(recv(pair.second.get(), &byte, 1, 0), 0);
}

TEST_F(UnixStreamTest, BlockedReceiveEndsWhenThePeerCloses) {
  SocketPair pair(SOCK_STREAM);
  const pid_t me = getpid();
  std::thread closer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    pair.first.Reset();
  });
  EXPECT_EQ(Receive(pair.second), "");
  closer.join();
}

TEST_F(UnixStreamTest, ShutdownOfWritingIsTheOthersEndOfFile) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "rest");
  ASSERT_EQ(shutdown(pair.first.get(), SHUT_WR), 0);
  EXPECT_ERRNO(EPIPE, Send(pair.first, "x"));
  EXPECT_EQ(Receive(pair.second), "rest");
  EXPECT_EQ(Receive(pair.second), "");
  EXPECT_EQ(Send(pair.second, "other way"), 9);
  EXPECT_EQ(Receive(pair.first), "other way");
}

TEST_F(UnixStreamTest, ShutdownOfReadingStopsThePeer) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.second, "queued");
  ASSERT_EQ(shutdown(pair.first.get(), SHUT_RD), 0);
  EXPECT_ERRNO(EPIPE, Send(pair.second, "x"));
  EXPECT_EQ(Receive(pair.first), "queued");
  EXPECT_EQ(Receive(pair.first), "");
}

TEST_F(UnixStreamTest, ShutdownWakesABlockedReceive) {
  const SocketPair pair(SOCK_STREAM);
  const pid_t me = getpid();
  std::thread other([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    shutdown(pair.second.get(), SHUT_RDWR);
  });
  EXPECT_EQ(Receive(pair.second), "");
  other.join();
}

TEST_F(UnixStreamTest, ShutdownErrors) {
  const Fd socket = Socket(SOCK_STREAM);
  const SocketPair pair(SOCK_STREAM);
  EXPECT_ERRNO(EINVAL, shutdown(pair.first.get(), 3));
  EXPECT_ERRNO(EBADF, shutdown(-1, SHUT_RD));
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  EXPECT_ERRNO(ENOTSOCK, shutdown(file.get(), SHUT_RD));
}

TEST_F(UnixStreamTest, UnconnectedSocketRefusesData) {
  const Fd socket = Socket(SOCK_STREAM);
  char byte = 0;
  EXPECT_ERRNO(ENOTCONN, Send(socket, "x"));
  EXPECT_ERRNO(EINVAL, recv(socket.get(), &byte, 1, 0));
  EXPECT_ERRNO(EINVAL, read(socket.get(), &byte, 1));
  const SocketPair pair(SOCK_STREAM);
  const UnixAddress address(UniqueName());
  EXPECT_ERRNO(EISCONN, sendto(pair.first.get(), "x", 1, 0, address.get(), address.length()));
  EXPECT_ERRNO(EOPNOTSUPP, sendto(socket.get(), "x", 1, 0, address.get(), address.length()));
}

TEST_F(UnixStreamTest, PollShowsTheStates) {
  const Listener listener;
  EXPECT_EQ(PollSocket(listener.socket, POLLIN | POLLOUT), 0);
  EXPECT_EQ(PollSocket(Socket(SOCK_STREAM), POLLIN | POLLOUT), POLLOUT | POLLHUP);
  Fd client = Socket(SOCK_STREAM);
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  EXPECT_EQ(PollSocket(listener.socket, POLLIN), POLLIN);
  const Fd server = listener.Accept();
  EXPECT_EQ(PollSocket(server, POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
  Send(client, "x");
  EXPECT_EQ(PollSocket(server, POLLIN), POLLIN);
  Receive(server);
  shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(PollSocket(server, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
  client.Reset();
  EXPECT_EQ(PollSocket(server, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP | POLLHUP);
}

TEST_F(UnixStreamTest, FionreadAndSiocoutqCountBytes) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "12345");
  int count = 0;
  ASSERT_EQ(ioctl(pair.second.get(), FIONREAD, &count), 0);
  EXPECT_EQ(count, 5);
  ASSERT_EQ(ioctl(pair.first.get(), TIOCOUTQ, &count), 0);
  EXPECT_GT(count, 0);
  Receive(pair.second);
  ASSERT_EQ(ioctl(pair.first.get(), TIOCOUTQ, &count), 0);
  EXPECT_EQ(count, 0);
}

TEST_F(UnixStreamTest, OutOfBandByteIsMarked) {
  const SocketPair pair(SOCK_STREAM);
  if (Send(pair.first, "o", MSG_OOB) == -1) {
    GTEST_SKIP() << "this kernel has no out-of-band data on Unix sockets";
  }
  EXPECT_EQ(PollSocket(pair.second, POLLPRI) & POLLPRI, POLLPRI);
  EXPECT_EQ(Receive(pair.second, 1, MSG_OOB), "o");
}

TEST_F(UnixStreamTest, ManyClientsOneServer) {
  const Listener listener(SOCK_STREAM, 50);
  std::vector<std::thread> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&, i] {
      const Fd client = Socket(SOCK_STREAM);
      ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
      Send(client, std::to_string(i));
      EXPECT_EQ(Receive(client), "got " + std::to_string(i));
    });
  }
  for (int i = 0; i < 20; ++i) {
    const Fd server = listener.Accept();
    Send(server, "got " + Receive(server));
  }
  for (std::thread& client : clients) {
    client.join();
  }
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ENOBUFS, ENOMEM, EMFILE, ENFILE (host conditions).
