// Unix-domain datagram and sequenced-packet sockets: borders, truncation, addresses, queues.

#include <sys/ioctl.h>

#include <algorithm>
#include <vector>

#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

class UnixDatagramTest : public DeadlineTest {};

// A bound datagram socket.
struct Mailbox {
  Mailbox() : name(UniqueName()), socket(Socket(SOCK_DGRAM)) {
    EXPECT_EQ(Bind(socket, UnixAddress(name)), 0);
  }
  std::string name;
  Fd socket;
};

ssize_t SendTo(const Fd& socket, const std::string& text, const std::string& name, int flags = 0) {
  const UnixAddress address(name);
  return sendto(socket.get(), text.data(), text.size(), flags, address.get(), address.length());
}

// The flags that recvmsg reports; `text` gets the data.
int ReceiveMessage(const Fd& socket, size_t size, std::string* text, int flags = 0) {
  text->assign(size, '\0');
  iovec part = {text->data(), size};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const ssize_t length = recvmsg(socket.get(), &message, flags);
  text->resize(length < 0 ? 0 : std::min(static_cast<size_t>(length), size));
  return length < 0 ? -1 : message.msg_flags;
}

TEST_F(UnixDatagramTest, DatagramsKeepTheirBordersAndOrder) {
  const Mailbox box;
  const Fd sender = Socket(SOCK_DGRAM);
  EXPECT_EQ(SendTo(sender, "one", box.name), 3);
  EXPECT_EQ(SendTo(sender, "two", box.name), 3);
  EXPECT_EQ(Receive(box.socket), "one");
  EXPECT_EQ(Receive(box.socket), "two");
}

TEST_F(UnixDatagramTest, SendersNameIsReceived) {
  const Mailbox box, sender;
  SendTo(sender.socket, "x", box.name);
  SendTo(Socket(SOCK_DGRAM), "y", box.name);
  char byte;
  UnixAddress address;
  ASSERT_EQ(recvfrom(box.socket.get(), &byte, 1, 0, address.get(), address.Room()), 1);
  EXPECT_EQ(address.name(), sender.name);
  ASSERT_EQ(recvfrom(box.socket.get(), &byte, 1, 0, address.get(), address.Room()), 1);
  EXPECT_EQ(address.name(), "");  // The sender had none.
}

TEST_F(UnixDatagramTest, ShortReceiveLosesTheRestAndSaysSo) {
  const Mailbox box;
  const Fd sender = Socket(SOCK_DGRAM);
  SendTo(sender, "truncated", box.name);
  SendTo(sender, "next", box.name);
  std::string text;
  EXPECT_EQ(ReceiveMessage(box.socket, 5, &text), MSG_TRUNC);
  EXPECT_EQ(text, "trunc");
  EXPECT_EQ(ReceiveMessage(box.socket, 100, &text), 0);
  EXPECT_EQ(text, "next");
}

TEST_F(UnixDatagramTest, TruncFlagReturnsTheWholeLength) {
  const Mailbox box;
  SendTo(Socket(SOCK_DGRAM), "0123456789", box.name);
  char buffer[4];
  EXPECT_EQ(recv(box.socket.get(), buffer, sizeof(buffer), MSG_TRUNC | MSG_PEEK), 10);
  EXPECT_EQ(recv(box.socket.get(), buffer, sizeof(buffer), 0), 4);
}

TEST_F(UnixDatagramTest, EmptyDatagramsArrive) {
  const Mailbox box;
  const Fd sender = Socket(SOCK_DGRAM);
  EXPECT_EQ(SendTo(sender, "", box.name), 0);
  SendTo(sender, "after", box.name);
  EXPECT_EQ(PollSocket(box.socket, POLLIN), POLLIN);
  EXPECT_EQ(Receive(box.socket), "");
  EXPECT_EQ(Receive(box.socket), "after");
}

TEST_F(UnixDatagramTest, ConnectSetsTheTargetAndMayBeChanged) {
  const Mailbox first, second;
  const Fd sender = Socket(SOCK_DGRAM);
  ASSERT_EQ(Connect(sender, UnixAddress(first.name)), 0);
  EXPECT_EQ(PeerName(sender), first.name);
  Send(sender, "to the first");
  EXPECT_EQ(SendTo(sender, "past it", second.name), 7);
  ASSERT_EQ(Connect(sender, UnixAddress(second.name)), 0);
  Send(sender, "to the second");
  EXPECT_EQ(Receive(first.socket), "to the first");
  EXPECT_EQ(Receive(second.socket), "past it");
  EXPECT_EQ(Receive(second.socket), "to the second");
  sockaddr none = {AF_UNSPEC, {}};
  ASSERT_EQ(connect(sender.get(), &none, sizeof(none)), 0);
  EXPECT_ERRNO(ENOTCONN, Send(sender, "x"));
}

TEST_F(UnixDatagramTest, ConnectedSocketTakesNothingFromOthers) {
  const Mailbox receiver, peer, stranger;
  ASSERT_EQ(Connect(receiver.socket, UnixAddress(peer.name)), 0);
  EXPECT_ERRNO(EPERM, SendTo(stranger.socket, "x", receiver.name));
  EXPECT_EQ(SendTo(peer.socket, "y", receiver.name), 1);
  EXPECT_EQ(Receive(receiver.socket), "y");
}

TEST_F(UnixDatagramTest, SendingToNobodyFails) {
  const Fd sender = Socket(SOCK_DGRAM);
  EXPECT_ERRNO(ECONNREFUSED, SendTo(sender, "x", UniqueName("nobody")));
  EXPECT_ERRNO(ENOTCONN, Send(sender, "x"));
  EXPECT_ERRNO(ENOENT, SendTo(sender, "x", "/tmp/nowhere/socket"));
  const Listener listener;
  EXPECT_ERRNO(ECONNREFUSED, SendTo(sender, "x", listener.name));
}

TEST_F(UnixDatagramTest, PeerThatClosedRefuses) {
  SocketPair pair(SOCK_DGRAM);
  Send(pair.first, "kept");
  pair.first.Reset();
  EXPECT_EQ(Receive(pair.second), "kept");
  EXPECT_ERRNO(ECONNREFUSED, Send(pair.second, "x"));
  EXPECT_ERRNO(ENOTCONN, Send(pair.second, "x"));  // And it is not connected any more.
}

TEST_F(UnixDatagramTest, FullQueueBlocksTheSender) {
  const Mailbox box;
  const Fd sender = Socket(SOCK_DGRAM);
  int sent = 0;
  while (SendTo(sender, "x", box.name, MSG_DONTWAIT) == 1) {
    ++sent;
  }
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_GE(sent, 2);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(SendTo(sender, "y", box.name) == 1); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  Receive(box.socket);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(UnixDatagramTest, MessageBeyondTheBufferFailsWithEmsgsize) {
  const SocketPair pair(SOCK_DGRAM);
  const int size = GetOption<int>(pair.first, SO_SNDBUF);
  EXPECT_ERRNO(EMSGSIZE, Send(pair.first, std::string(static_cast<size_t>(size) + 1000, 'x')));
  EXPECT_EQ(Send(pair.first, std::string(60'000, 'x')), 60'000);
}

TEST_F(UnixDatagramTest, ReceiveWaitsForAMessage) {
  const Mailbox box;
  const pid_t pid = ForkChild([&] { CHILD_CHECK(Receive(box.socket) == "woken"); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  EXPECT_EQ(SendTo(Socket(SOCK_DGRAM), "woken", box.name), 5);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(UnixDatagramTest, FionreadTellsTheFirstMessage) {
  const SocketPair pair(SOCK_DGRAM);
  Send(pair.first, "12345");
  Send(pair.first, "123");
  int count = 0;
  ASSERT_EQ(ioctl(pair.second.get(), FIONREAD, &count), 0);
  EXPECT_EQ(count, 5);
}

TEST_F(UnixDatagramTest, SeveralMessagesInOneCall) {
  const SocketPair pair(SOCK_DGRAM);
  char texts[3][2] = {"a", "b", "c"};
  iovec parts[3];
  mmsghdr messages[3] = {};
  for (int i = 0; i < 3; ++i) {
    parts[i] = {texts[i], 1};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(sendmmsg(pair.first.get(), messages, 3, 0), 3);
  EXPECT_EQ(messages[2].msg_len, 1u);
  memset(texts, 0, sizeof(texts));
  EXPECT_EQ(recvmmsg(pair.second.get(), messages, 3, 0, nullptr), 3);
  EXPECT_STREQ(texts[0], "a");
  EXPECT_STREQ(texts[2], "c");
  EXPECT_ERRNO(EAGAIN, recvmmsg(pair.second.get(), messages, 3, MSG_DONTWAIT, nullptr));
  Send(pair.first, "z");
  EXPECT_EQ(recvmmsg(pair.second.get(), messages, 3, MSG_WAITFORONE, nullptr), 1);
}

TEST_F(UnixDatagramTest, SequencedPacketsConnectAndKeepBorders) {
  const Listener listener(SOCK_SEQPACKET);
  Fd client = Socket(SOCK_SEQPACKET);
  ASSERT_EQ(Connect(client, UnixAddress(listener.name)), 0);
  const Fd server = listener.Accept();
  Send(client, "first packet");
  Send(client, "second");
  std::string text;
  EXPECT_EQ(ReceiveMessage(server, 5, &text), MSG_TRUNC);
  EXPECT_EQ(text, "first");
  EXPECT_EQ(ReceiveMessage(server, 100, &text), 0);
  EXPECT_EQ(text, "second");
  client.Reset();
  EXPECT_EQ(Receive(server), "");
  EXPECT_ERRNO(EPIPE, Send(server, "x"));
}

TEST_F(UnixDatagramTest, SequencedPacketNeedsAConnection) {
  const Fd socket = Socket(SOCK_SEQPACKET);
  char byte;
  EXPECT_ERRNO(ENOTCONN, Send(socket, "x"));
  EXPECT_ERRNO(ENOTCONN, recv(socket.get(), &byte, 1, 0));
  EXPECT_ERRNO(ENOTCONN, SendTo(socket, "x", UniqueName()));
}

TEST_F(UnixDatagramTest, SequencedPacketShutdown) {
  const SocketPair pair(SOCK_SEQPACKET);
  Send(pair.first, "rest");
  ASSERT_EQ(shutdown(pair.first.get(), SHUT_WR), 0);
  EXPECT_EQ(Receive(pair.second), "rest");
  EXPECT_EQ(Receive(pair.second), "");
}

TEST_F(UnixDatagramTest, BadArgumentsAreRefused) {
  const SocketPair pair(SOCK_DGRAM);
  const Fd file(memfd_create("no socket", MFD_CLOEXEC));
  char byte = 0;
  msghdr message = {};
  EXPECT_ERRNO(EBADF, send(-1, "x", 1, 0));
  EXPECT_ERRNO(ENOTSOCK, send(file.get(), "x", 1, 0));
  EXPECT_ERRNO(ENOTSOCK, recv(file.get(), &byte, 1, 0));
  EXPECT_ERRNO(EOPNOTSUPP, send(pair.first.get(), "x", 1, MSG_OOB));
  EXPECT_ERRNO(EOPNOTSUPP, recv(pair.first.get(), &byte, 1, MSG_OOB));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sendmsg, pair.first.get(), 8, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_recvmsg, pair.first.get(), 8, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sendto, pair.first.get(), 8, 1, 0, nullptr, 0));
  std::vector<iovec> many(1025, iovec{&byte, 1});
  message.msg_iov = many.data();
  message.msg_iovlen = many.size();
  EXPECT_ERRNO(EMSGSIZE, sendmsg(pair.first.get(), &message, 0));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ENOBUFS, ENOMEM (host conditions).
