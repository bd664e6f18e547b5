// What travels beside the data of Unix-domain sockets: descriptors (SCM_RIGHTS), credentials
// (SCM_CREDENTIALS, SO_PASSCRED, SO_PEERCRED).

#include <sys/resource.h>
#include <sys/stat.h>

#include <vector>

#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

class UnixAncillaryTest : public DeadlineTest {};

// Sends one byte with descriptors.
ssize_t SendFds(const Fd& socket, const std::vector<int>& fds, int flags = MSG_NOSIGNAL) {
  char byte = 'f';
  iovec part = {&byte, 1};
  std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  return sendmsg(socket.get(), &message, flags);
}

struct Received {
  ssize_t length = -1;
  int flags = 0;
  std::string data;
  std::vector<Fd> fds;
  std::vector<ucred> credentials;
};

// Receives up to `size` bytes with `room` bytes for ancillary data.
Received ReceiveWithControl(const Fd& socket, size_t size = 100, size_t room = 4096,
                            int flags = 0) {
  Received result;
  std::vector<char> data(size), control(room);
  iovec part = {data.data(), size};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = room;
  result.length = recvmsg(socket.get(), &message, flags);
  if (result.length < 0) {
    return result;
  }
  result.flags = message.msg_flags;
  result.data.assign(data.data(), static_cast<size_t>(result.length));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    const size_t payload = header->cmsg_len - CMSG_LEN(0);
    if (header->cmsg_type == SCM_RIGHTS) {
      std::vector<int> numbers(payload / sizeof(int));
      memcpy(numbers.data(), CMSG_DATA(header), numbers.size() * sizeof(int));
      for (const int number : numbers) {
        result.fds.emplace_back(number);
      }
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials = {};
      memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
      result.credentials.push_back(credentials);
    }
  }
  return result;
}

ssize_t SendCredentials(const Fd& socket, ucred credentials) {
  char byte = 'c';
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_CREDENTIALS;
  header->cmsg_len = CMSG_LEN(sizeof(ucred));
  memcpy(CMSG_DATA(header), &credentials, sizeof(credentials));
  return sendmsg(socket.get(), &message, MSG_NOSIGNAL);
}

bool SameFile(int first, int second) {
  struct stat a = {}, b = {};
  return fstat(first, &a) == 0 && fstat(second, &b) == 0 && a.st_ino == b.st_ino &&
         a.st_dev == b.st_dev;
}

TEST_F(UnixAncillaryTest, DescriptorsArriveAsNewOnesOfTheSameFile) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const SocketPair pair(type);
    const Fd file(memfd_create("passed", MFD_CLOEXEC));
    ASSERT_EQ(write(file.get(), "content", 7), 7);
    ASSERT_EQ(SendFds(pair.first, {file.get()}), 1);
    const Received received = ReceiveWithControl(pair.second);
    EXPECT_EQ(received.data, "f");
    ASSERT_EQ(received.fds.size(), 1u);
    EXPECT_NE(received.fds[0].get(), file.get());
    EXPECT_TRUE(SameFile(received.fds[0].get(), file.get()));
    EXPECT_EQ(lseek(received.fds[0].get(), 0, SEEK_CUR), 7);  // One open file, one offset.
    EXPECT_EQ(fcntl(received.fds[0].get(), F_GETFD), 0);
  }
}

TEST_F(UnixAncillaryTest, CloexecFlagMarksReceivedDescriptors) {
  const SocketPair pair(SOCK_STREAM);
  SendFds(pair.first, {STDERR_FILENO});
  const Received received = ReceiveWithControl(pair.second, 1, 4096, MSG_CMSG_CLOEXEC);
  ASSERT_EQ(received.fds.size(), 1u);
  EXPECT_EQ(fcntl(received.fds[0].get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(UnixAncillaryTest, DescriptorOutlivesTheSendersCopy) {
  const SocketPair pair(SOCK_STREAM);
  Pipe pipe;
  SendFds(pair.first, {pipe.writer.get()});
  pipe.writer.Reset();
  const Received received = ReceiveWithControl(pair.second);
  ASSERT_EQ(received.fds.size(), 1u);
  EXPECT_EQ(write(received.fds[0].get(), "x", 1), 1);
  char byte;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 1);
}

TEST_F(UnixAncillaryTest, UndeliveredDescriptorsAreClosedWithTheSocket) {
  Pipe pipe;
  {
    const SocketPair pair(SOCK_STREAM);
    SendFds(pair.first, {pipe.writer.get()});
    pipe.writer.Reset();
  }
  char byte;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 0);
}

TEST_F(UnixAncillaryTest, SocketsThatCarryEachOtherAreCollected) {
  Pipe pipe;
  {
    SocketPair pair(SOCK_STREAM);
    SendFds(pair.first, {pair.second.get(), pair.first.get(), pipe.writer.get()});
    pipe.writer.Reset();
  }
  // Only the two sockets' own queue still holds them; the kernel finds that out, if not at once.
  ASSERT_EQ(fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_TRUE(Eventually([&] {
    const SocketPair provoke(SOCK_STREAM);
    SendFds(provoke.first, {STDERR_FILENO});
    char byte;
    return read(pipe.reader.get(), &byte, 1) == 0;
  }));
}

TEST_F(UnixAncillaryTest, DescriptorsTravelBetweenProcesses) {
  const SocketPair pair(SOCK_STREAM);
  const pid_t pid = ForkChild([&] {
    const Fd file(memfd_create("of the child", MFD_CLOEXEC));
    CHILD_CHECK(write(file.get(), "from the child", 14) == 14);
    CHILD_CHECK(SendFds(pair.second, {file.get()}) == 1);
  });
  const Received received = ReceiveWithControl(pair.first);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  ASSERT_EQ(received.fds.size(), 1u);
  char text[15] = {};
  EXPECT_EQ(pread(received.fds[0].get(), text, 14, 0), 14);
  EXPECT_STREQ(text, "from the child");
}

TEST_F(UnixAncillaryTest, UpTo253DescriptorsTravelTogether) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(SendFds(pair.first, std::vector<int>(253, STDERR_FILENO)), 1);
  EXPECT_EQ(ReceiveWithControl(pair.second).fds.size(), 253u);
  EXPECT_ERRNO(EINVAL, SendFds(pair.first, std::vector<int>(254, STDERR_FILENO)));
}

TEST_F(UnixAncillaryTest, WithoutRoomTheRestIsDroppedAndSaidSo) {
  const SocketPair pair(SOCK_STREAM);
  Pipe pipe;
  SendFds(pair.first, {STDERR_FILENO, pipe.writer.get()});
  pipe.writer.Reset();
  const Received received = ReceiveWithControl(pair.second, 1, CMSG_LEN(sizeof(int)));
  EXPECT_EQ(received.fds.size(), 1u);
  EXPECT_EQ(received.flags & MSG_CTRUNC, MSG_CTRUNC);
  char byte;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 0);  // The dropped one is closed.
}

TEST_F(UnixAncillaryTest, PlainReadDropsDescriptors) {
  const SocketPair pair(SOCK_STREAM);
  Pipe pipe;
  SendFds(pair.first, {pipe.writer.get()});
  pipe.writer.Reset();
  char byte;
  EXPECT_EQ(read(pair.second.get(), &byte, 1), 1);
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 0);
}

TEST_F(UnixAncillaryTest, PeekDuplicatesDescriptors) {
  const SocketPair pair(SOCK_STREAM);
  SendFds(pair.first, {STDERR_FILENO});
  EXPECT_EQ(ReceiveWithControl(pair.second, 1, 4096, MSG_PEEK).fds.size(), 1u);
  EXPECT_EQ(ReceiveWithControl(pair.second).fds.size(), 1u);
}

TEST_F(UnixAncillaryTest, StreamReceiveStopsAtDescriptors) {
  const SocketPair pair(SOCK_STREAM);
  Send(pair.first, "before");
  SendFds(pair.first, {STDERR_FILENO});
  Send(pair.first, "after");
  Received received = ReceiveWithControl(pair.second);
  EXPECT_EQ(received.data, "beforef");  // Up to and with the message that carries them.
  EXPECT_EQ(received.fds.size(), 1u);
  received = ReceiveWithControl(pair.second);
  EXPECT_EQ(received.data, "after");
  EXPECT_EQ(received.fds.size(), 0u);
}

TEST_F(UnixAncillaryTest, BadDescriptorFailsWithEbadfAndSendsNothing) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_ERRNO(EBADF, SendFds(pair.first, {999}));
  EXPECT_ERRNO(EBADF, SendFds(pair.first, {STDERR_FILENO, -1}));
  EXPECT_EQ(PollSocket(pair.second, POLLIN), 0);
}

TEST_F(UnixAncillaryTest, ReceiverAtItsDescriptorLimitGetsCtrunc) {
  const SocketPair pair(SOCK_STREAM);
  SendFds(pair.first, {STDERR_FILENO, STDERR_FILENO});
  EXPECT_EQ(RunInChild([&] {
              const rlimit limit = {static_cast<rlim_t>(dup(STDERR_FILENO)) + 1, 4096};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              const Received received = ReceiveWithControl(pair.second);
              CHILD_CHECK(received.length == 1);
              CHILD_CHECK(received.fds.empty());
              CHILD_CHECK((received.flags & MSG_CTRUNC) != 0);
            }),
            "exited 0");
}

TEST_F(UnixAncillaryTest, PasscredAddsTheSendersCredentials) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    const SocketPair pair(type);
    ASSERT_EQ(SetOption(pair.second, SO_PASSCRED, 1), 0);
    EXPECT_EQ(GetOption(pair.second, SO_PASSCRED), 1);
    const pid_t pid = ForkChild([&] { CHILD_CHECK(Send(pair.first, "x") == 1); });
    const Received received = ReceiveWithControl(pair.second);
    EXPECT_EQ(WaitFor(pid), "exited 0");
    ASSERT_EQ(received.credentials.size(), 1u);
    EXPECT_EQ(received.credentials[0].pid, pid);
    EXPECT_EQ(received.credentials[0].uid, getuid());
    EXPECT_EQ(received.credentials[0].gid, getgid());
  }
}

TEST_F(UnixAncillaryTest, WithoutPasscredCredentialsAreNotReceived) {
  const SocketPair pair(SOCK_DGRAM);
  ASSERT_EQ(SendCredentials(pair.first, {getpid(), getuid(), getgid()}), 1);
  EXPECT_TRUE(ReceiveWithControl(pair.second).credentials.empty());
}

TEST_F(UnixAncillaryTest, OwnCredentialsMayBeSent) {
  const SocketPair pair(SOCK_STREAM);
  ASSERT_EQ(SetOption(pair.second, SO_PASSCRED, 1), 0);
  ASSERT_EQ(SendCredentials(pair.first, {getpid(), getuid(), getgid()}), 1);
  const Received received = ReceiveWithControl(pair.second);
  ASSERT_EQ(received.credentials.size(), 1u);
  EXPECT_EQ(received.credentials[0].pid, getpid());
}

TEST_F(UnixAncillaryTest, ForgedCredentialsAreRefused) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(
      RunInChild([&] {
        if (geteuid() == 0) {
          CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
        }
        CHILD_CHECK_ERRNO(EPERM, SendCredentials(pair.first, {getpid(), 1, getgid()}));
        CHILD_CHECK_ERRNO(EPERM, SendCredentials(pair.first, {getpid(), getuid(), 4242}));
        CHILD_CHECK_ERRNO(EPERM, SendCredentials(pair.first, {getppid(), getuid(), getgid()}));
      }),
      "exited 0");
}

TEST_F(UnixAncillaryTest, PeercredTellsWhoConnected) {
  const Listener listener;
  const pid_t pid = ForkChild([&] {
    const Fd client = Socket(SOCK_STREAM);
    CHILD_CHECK(Connect(client, UnixAddress(listener.name)) == 0);
    // The listener's credentials are those of the call to listen.
    CHILD_CHECK(GetOption<ucred>(client, SO_PEERCRED).pid == getppid());
    Receive(client);
  });
  const Fd server = listener.Accept();
  const auto credentials = GetOption<ucred>(server, SO_PEERCRED);
  EXPECT_EQ(credentials.pid, pid);
  EXPECT_EQ(credentials.uid, getuid());
  EXPECT_EQ(credentials.gid, getgid());
  Send(server, "x");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(UnixAncillaryTest, PeercredOfPairsAndUnconnectedSockets) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(GetOption<ucred>(pair.first, SO_PEERCRED).pid, getpid());
  const auto none = GetOption<ucred>(Socket(SOCK_STREAM), SO_PEERCRED);
  EXPECT_EQ(none.pid, 0);
  EXPECT_EQ(none.uid, static_cast<uid_t>(-1));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ETOOMANYREFS (descriptors in flight beyond RLIMIT_NOFILE, which root is
// exempt from; nesting of sockets in sockets), ENOBUFS, ENOMEM.
