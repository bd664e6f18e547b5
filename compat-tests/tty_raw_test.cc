// Pseudo-terminals without line editing: VMIN and VTIME, raw bytes, packet mode, flow control, and
// what each end sees when the other one is closed.

#include <sys/epoll.h>
#include <sys/stat.h>

#include <thread>

#include "compat-tests/util/process_pty_util.h"

namespace compat {
namespace {

class TtyRawTest : public DeadlineTest {
 protected:
  Pty pty_;
};

TEST_F(TtyRawTest, BytesPassUnchangedBothWays) {
  pty_.MakeRaw();
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<char>(i));
  }
  pty_.Type(all);
  std::string seen;
  while (seen.size() < all.size()) {
    seen += pty_.Read();
  }
  EXPECT_EQ(seen, all);
  ASSERT_EQ(write(pty_.slave().get(), all.data(), all.size()), 256);
  EXPECT_EQ(pty_.See(256), all);
}

TEST_F(TtyRawTest, OneByteIsEnoughByDefault) {
  pty_.MakeRaw();
  pty_.Type("x");
  EXPECT_EQ(pty_.Read(), "x");
}

TEST_F(TtyRawTest, MinimumIsWaitedFor) {
  pty_.MakeRaw(3);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(pty_.Read() == "abc"); });
  pty_.Type("ab");
  EXPECT_TRUE(WaitUntilAsleep(pid));
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  pty_.Type("c");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyRawTest, MinimumIsNoMoreThanTheReadsSize) {
  pty_.MakeRaw(5);
  pty_.Type("ab");
  EXPECT_EQ(pty_.Read(2), "ab");
}

TEST_F(TtyRawTest, MinimumZeroReturnsAtOnce) {
  pty_.MakeRaw(0);
  char byte;
  EXPECT_EQ(read(pty_.slave().get(), &byte, 1), 0);
  pty_.Type("x");
  EXPECT_TRUE(Eventually([&] { return read(pty_.slave().get(), &byte, 1) == 1; }));
}

TEST_F(TtyRawTest, TimeLimitsTheWholeReadWhenTheMinimumIsZero) {
  pty_.MakeRaw(0, 1);  // A tenth of a second.
  char byte;
  const int64_t start_ns = NowNs();
  EXPECT_EQ(read(pty_.slave().get(), &byte, 1), 0);
  EXPECT_GE(NowNs() - start_ns, 90 * kMillisecondNs);
}

TEST_F(TtyRawTest, TimeRunsBetweenBytesWhenThereIsAMinimum) {
  pty_.MakeRaw(10, 1);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(pty_.Read() == "ab"); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  SleepNs(200 * kMillisecondNs);  // Without a first byte there is no limit.
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  pty_.Type("ab");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyRawTest, InputTypedBeforeTheSwitchCanBeRead) {
  pty_.Type("half a line");
  EXPECT_FALSE(pty_.IsReadable());
  pty_.MakeRaw();
  EXPECT_EQ(pty_.Read(), "half a line");
}

TEST_F(TtyRawTest, PollAndEpollSeeInput) {
  pty_.MakeRaw();
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {EPOLLIN, {}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, pty_.slave().get(), &event), 0);
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, 0), 0);
  EXPECT_FALSE(pty_.IsReadable());
  EXPECT_EQ(Pty::PollNow(pty_.slave(), POLLOUT), POLLOUT);
  pty_.Type("x");
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, -1), 1);
  EXPECT_TRUE(pty_.IsReadable());
}

TEST_F(TtyRawTest, FullTerminalStopsTheWriter) {
  pty_.MakeRaw();
  const Fd writer = pty_.Open(O_NONBLOCK);
  const std::string block(4096, 'x');
  size_t total = 0;
  for (ssize_t written = 0;
       (written = write(writer.get(), block.data(), block.size())) > 0 && total < (1 << 22);) {
    total += static_cast<size_t>(written);
  }
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_GE(total, 1024u);
  EXPECT_EQ(Pty::PollNow(writer, POLLOUT), 0);
  EXPECT_EQ(pty_.See(total).size(), total);
  EXPECT_TRUE(Eventually([&] { return Pty::PollNow(writer, POLLOUT) == POLLOUT; }));
}

TEST_F(TtyRawTest, LargeOutputArrivesWhole) {
  pty_.MakeRaw();
  std::string data;
  for (int i = 0; data.size() < 200'000; ++i) {
    data += std::to_string(i) + " ";
  }
  const pid_t pid = ForkChild([&] {
    size_t done = 0;
    while (done < data.size()) {
      const ssize_t written = write(pty_.slave().get(), data.data() + done, data.size() - done);
      CHILD_CHECK(written > 0);
      done += static_cast<size_t>(written);
    }
  });
  EXPECT_EQ(pty_.See(data.size()), data);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyRawTest, DrainWaitsForTheReader) {
  pty_.MakeRaw();
  ASSERT_EQ(write(pty_.slave().get(), "out", 3), 3);
  EXPECT_EQ(pty_.See(3), "out");
  EXPECT_EQ(tcdrain(pty_.slave().get()), 0);
}

TEST_F(TtyRawTest, FlowControlStopsAndStartsOutput) {
  ASSERT_EQ(tcflow(pty_.slave().get(), TCOOFF), 0);
  const pid_t pid = ForkChild([&] { CHILD_CHECK(write(pty_.slave().get(), "x", 1) == 1); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  ASSERT_EQ(tcflow(pty_.slave().get(), TCOON), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(pty_.See(1), "x");
}

TEST_F(TtyRawTest, PacketModeTellsTheMasterWhatHappens) {
  const int on = 1;
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCPKT, &on), 0);
  ASSERT_EQ(write(pty_.slave().get(), "data", 4), 4);
  EXPECT_EQ(Pty::ReadOnce(pty_.master(), 100), std::string("\0data", 5));
  ASSERT_EQ(tcflush(pty_.slave().get(), TCIFLUSH), 0);
  EXPECT_EQ(Pty::ReadOnce(pty_.master(), 100), std::string(1, TIOCPKT_FLUSHREAD));
}

TEST_F(TtyRawTest, MasterReadFailsWithEioAfterTheLastSlaveIsClosed) {
  ASSERT_EQ(write(pty_.slave().get(), "last", 4), 4);
  pty_.slave().Reset();
  EXPECT_EQ(pty_.See(4), "last");
  char byte;
  EXPECT_ERRNO(EIO, read(pty_.master().get(), &byte, 1));
  EXPECT_NE(Pty::PollNow(pty_.master(), POLLIN) & POLLHUP, 0);
  // Opening it again brings it back.
  const Fd again = pty_.Open();
  ASSERT_EQ(write(again.get(), "back", 4), 4);
  EXPECT_EQ(pty_.See(4), "back");
}

TEST_F(TtyRawTest, BlockedMasterReadEndsWhenTheSlaveIsClosed) {
  const pid_t me = getpid();
  std::thread closer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    pty_.slave().Reset();
  });
  char byte;
  EXPECT_ERRNO(EIO, read(pty_.master().get(), &byte, 1));
  closer.join();
}

TEST_F(TtyRawTest, SlaveSeesTheEndAndEioAfterTheMasterIsClosed) {
  pty_.master().Reset();
  char byte = 0;
  EXPECT_EQ(read(pty_.slave().get(), &byte, 1), 0);
  EXPECT_ERRNO(EIO, write(pty_.slave().get(), &byte, 1));
  termios attributes;
  EXPECT_ERRNO(EIO, tcgetattr(pty_.slave().get(), &attributes));
  EXPECT_NE(Pty::PollNow(pty_.slave(), POLLIN) & POLLHUP, 0);
}

TEST_F(TtyRawTest, BlockedSlaveReadEndsWhenTheMasterIsClosed) {
  const pid_t pid = ForkChild([&] {
    pty_.master().Reset();
    char byte;
    CHILD_CHECK(read(pty_.slave().get(), &byte, 1) <= 0);
  });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  pty_.master().Reset();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyRawTest, ExclusiveModeKeepsOthersOut) {
  ASSERT_EQ(ioctl(pty_.slave().get(), TIOCEXCL), 0);
  EXPECT_EQ(RunInChild([&] {
              if (geteuid() == 0) {
                CHILD_CHECK(chmod(pty_.name().c_str(), 0666) == 0);
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              CHILD_CHECK_ERRNO(EBUSY, open(pty_.name().c_str(), O_RDWR | O_NOCTTY));
            }),
            "exited 0");
  ASSERT_EQ(ioctl(pty_.slave().get(), TIOCNXCL), 0);
  EXPECT_TRUE(pty_.Open().ok());
}

TEST_F(TtyRawTest, SpeedAndControlCharactersAreKept) {
  pty_.ChangeAttributes([](termios& attributes) {
    cfsetspeed(&attributes, B9600);
    attributes.c_cc[VINTR] = 'i';
    attributes.c_iflag |= IXOFF;
  });
  const termios seen = pty_.Attributes();
  EXPECT_EQ(cfgetospeed(&seen), speed_t{B9600});
  EXPECT_EQ(seen.c_cc[VINTR], 'i');
  EXPECT_NE(seen.c_iflag & IXOFF, 0u);
}

}  // namespace
}  // namespace compat
