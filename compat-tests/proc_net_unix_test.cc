// /proc/net/unix: the list of Unix-domain sockets.

#include <sys/stat.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "compat-tests/util/process_exec_util.h"
#include "compat-tests/util/process_socket_util.h"

namespace compat {
namespace {

struct Line {
  std::string references, flags, type, state, inode, path;
};

// All lines; fails the test when one is not as Linux writes it.
std::vector<Line> Lines() {
  std::ifstream file("/proc/net/unix");
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(text, "Num       RefCount Protocol Flags    Type St Inode Path");
  // Natively the host's sockets are listed too, some with names of any bytes.
  const std::regex format(
      "([0-9a-f]{16}): ([0-9A-F]{8}) 00000000 ([0-9A-F]{8}) ([0-9A-F]{4}) ([0-9A-F]{2}) "
      "( *[0-9]+)( [^]*)?");
  std::vector<Line> lines;
  while (std::getline(file, text)) {
    std::smatch match;
    if (!std::regex_match(text, match, format)) {
      ADD_FAILURE() << text;
      continue;
    }
    std::string inode = match[6].str();
    EXPECT_GE(inode.size(), 5u);
    inode.erase(0, inode.find_first_not_of(' '));
    const std::string path = match[7].matched ? match[7].str().substr(1) : "";
    lines.push_back({match[2], match[3], match[4], match[5], inode, path});
  }
  return lines;
}

std::string InodeOf(const Fd& socket) {
  struct stat status = {};
  EXPECT_EQ(fstat(socket.get(), &status), 0);
  return std::to_string(status.st_ino);
}

// "flags type state path" of a socket; "" when it is not listed.
std::string Shown(const std::string& inode) {
  for (const Line& line : Lines()) {
    if (line.inode == inode) {
      return line.references + " " + line.flags + " " + line.type + " " + line.state + " " +
             line.path;
    }
  }
  return "";
}

// The states of sockets with this name that have no inode: they wait to be accepted.
std::vector<std::string> Waiting(const std::string& path) {
  std::vector<std::string> states;
  for (const Line& line : Lines()) {
    if (line.inode == "0" && line.path == path) {
      states.push_back(line.state);
    }
  }
  return states;
}

class ProcNetUnixTest : public DeadlineTest {
 protected:
  ScratchDirectory directory_;
};

TEST_F(ProcNetUnixTest, EverySocketIsListedWhileItIsOpen) {
  std::string inode;
  {
    const Fd stream = Socket(SOCK_STREAM);
    inode = InodeOf(stream);
    EXPECT_EQ(Shown(inode), "00000002 00000000 0001 01 ");
  }
  EXPECT_EQ(Shown(inode), "");
  const Fd datagram = Socket(SOCK_DGRAM);
  EXPECT_EQ(Shown(InodeOf(datagram)), "00000002 00000000 0002 01 ");
  const Fd packet = Socket(SOCK_SEQPACKET);
  EXPECT_EQ(Shown(InodeOf(packet)), "00000002 00000000 0005 01 ");
}

TEST_F(ProcNetUnixTest, NamesAreShownAsTheyWereBound) {
  const std::string path = directory_.path("socket");
  const Fd bound = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(bound, UnixAddress(path)), 0);
  EXPECT_EQ(Shown(InodeOf(bound)), "00000002 00000000 0001 01 " + path);
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_EQ(Shown(InodeOf(bound)), "00000002 00000000 0001 01 " + path);

  const Fd abstract = Socket(SOCK_DGRAM);
  const std::string name = UniqueName();
  ASSERT_EQ(Bind(abstract, UnixAddress(name + '\0' + "part")), 0);
  EXPECT_EQ(Shown(InodeOf(abstract)), "00000002 00000000 0002 01 " + name + "@part");
}

TEST_F(ProcNetUnixTest, StatesOfAConnection) {
  const std::string path = directory_.path("socket");
  const Fd listener = Socket(SOCK_STREAM);
  ASSERT_EQ(Bind(listener, UnixAddress(path)), 0);
  ASSERT_EQ(listen(listener.get(), 4), 0);
  EXPECT_EQ(Shown(InodeOf(listener)), "00000002 00010000 0001 01 " + path);
  Fd client = Socket(SOCK_STREAM);
  const std::string client_inode = InodeOf(client);
  ASSERT_EQ(Connect(client, UnixAddress(path)), 0);
  EXPECT_EQ(Shown(client_inode), "00000003 00000000 0001 03 ");
  EXPECT_EQ(Waiting(path), std::vector<std::string>{"02"});
  const Fd accepted(accept(listener.get(), nullptr, nullptr));
  EXPECT_TRUE(Waiting(path).empty());
  EXPECT_EQ(Shown(InodeOf(accepted)), "00000003 00000000 0001 03 " + path);
  client.Reset();
  EXPECT_EQ(Shown(client_inode), "");
  EXPECT_EQ(Shown(InodeOf(accepted)), "00000002 00000000 0001 03 " + path);
}

TEST_F(ProcNetUnixTest, PairsAndConnectedDatagrams) {
  const SocketPair pair(SOCK_STREAM);
  EXPECT_EQ(Shown(InodeOf(pair.first)), "00000003 00000000 0001 03 ");
  const Fd receiver = Socket(SOCK_DGRAM);
  const UnixAddress name(UniqueName());
  ASSERT_EQ(Bind(receiver, name), 0);
  const Fd sender = Socket(SOCK_DGRAM);
  ASSERT_EQ(Connect(sender, name), 0);
  EXPECT_EQ(Shown(InodeOf(sender)), "00000002 00000000 0002 03 ");
}

TEST_F(ProcNetUnixTest, ProcPidNetIsTheSame) {
  const Fd stream = Socket(SOCK_STREAM);
  std::ifstream file("/proc/self/net/unix");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(" " + InodeOf(stream)), std::string::npos);
}

}  // namespace
}  // namespace compat
