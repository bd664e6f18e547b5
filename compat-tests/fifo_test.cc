// Named pipes: who waits for whom in open(2), and what a fifo does once it is open.

#include <poll.h>
#include <sys/stat.h>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class FifoTest : public DeadlineTest {
 protected:
  void SetUp() override {
    DeadlineTest::SetUp();
    path_ = directory_.path("fifo");
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  }

  Fd Open(int flags) const { return Fd(open(path_.c_str(), flags | O_CLOEXEC)); }

  ScratchDirectory directory_;
  std::string path_;
};

TEST_F(FifoTest, StatTellsAFifo) {
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  EXPECT_EQ(status.st_size, 0);
}

TEST_F(FifoTest, OpenForReadingWaitsForAWriter) {
  const pid_t pid = ForkChild([&] {
    const Fd reader = Open(O_RDONLY);
    char byte = 0;
    CHILD_CHECK(read(reader.get(), &byte, 1) == 1 && byte == 'x');
  });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  const Fd writer = Open(O_WRONLY);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(write(writer.get(), "x", 1), 1);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FifoTest, OpenForWritingWaitsForAReader) {
  const pid_t pid = ForkChild([&] {
    const Fd writer = Open(O_WRONLY);
    CHILD_CHECK(write(writer.get(), "y", 1) == 1);
  });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  const Fd reader = Open(O_RDONLY);
  char byte = 0;
  EXPECT_EQ(read(reader.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FifoTest, NonblockingOpenForReadingSucceedsAlone) {
  const Fd reader = Open(O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(reader.ok());
  char byte = 0;
  EXPECT_EQ(read(reader.get(), &byte, 1), 0);  // No writer: the end of the file.
  const Fd writer = Open(O_WRONLY | O_NONBLOCK);
  ASSERT_TRUE(writer.ok());
  EXPECT_ERRNO(EAGAIN, read(reader.get(), &byte, 1));
}

TEST_F(FifoTest, NonblockingOpenForWritingAloneFailsWithEnxio) {
  EXPECT_ERRNO(ENXIO, open(path_.c_str(), O_WRONLY | O_NONBLOCK));
}

TEST_F(FifoTest, OpenForBothNeverWaits) {
  const Fd both = Open(O_RDWR);
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(write(both.get(), "z", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(both.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'z');
}

TEST_F(FifoTest, InterruptedOpenFailsWithEintr) {
  ScopedAction action(SIGUSR1, [](int) {});
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  EXPECT_ERRNO(EINTR, open(path_.c_str(), O_RDONLY));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FifoTest, OpenIsRestartedWhenTheHandlerAllows) {
  static volatile sig_atomic_t handled;
  handled = 0;
  ScopedAction action(
      SIGUSR1, [](int) { handled = 1; }, SA_RESTART);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
    const Fd writer = Open(O_WRONLY);
    CHILD_CHECK(writer.ok());
  });
  const Fd reader = Open(O_RDONLY);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(Eventually([] { return handled == 1; }));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(FifoTest, ReaderSeesTheEndAndThenANewWriter) {
  const Fd reader = Open(O_RDONLY | O_NONBLOCK);
  for (int i = 0; i < 3; ++i) {
    {
      const Fd writer = Open(O_WRONLY);
      ASSERT_EQ(write(writer.get(), "a", 1), 1);
    }
    char bytes[4];
    EXPECT_EQ(read(reader.get(), bytes, sizeof(bytes)), 1);
    EXPECT_EQ(read(reader.get(), bytes, sizeof(bytes)), 0);
  }
}

TEST_F(FifoTest, PollHangupWaitsForAFirstWriter) {
  const Fd reader = Open(O_RDONLY | O_NONBLOCK);
  pollfd item = {reader.get(), POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 0);  // Nobody has been there yet.
  { const Fd writer = Open(O_WRONLY); }
  EXPECT_EQ(poll(&item, 1, 0), 1);
  EXPECT_EQ(item.revents, POLLHUP);
}

TEST_F(FifoTest, DataIsLostWhenTheLastDescriptorIsClosed) {
  {
    const Fd both = Open(O_RDWR);
    ASSERT_EQ(write(both.get(), "lost", 4), 4);
  }
  const Fd reader = Open(O_RDONLY | O_NONBLOCK);
  char bytes[4];
  EXPECT_EQ(read(reader.get(), bytes, sizeof(bytes)), 0);
}

TEST_F(FifoTest, UnlinkedFifoGoesOnWorking) {
  const Fd both = Open(O_RDWR);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  EXPECT_EQ(write(both.get(), "u", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(both.get(), &byte, 1), 1);
}

TEST_F(FifoTest, TwoNamesAreOneFifo) {
  const std::string second = directory_.path("second");
  ASSERT_EQ(link(path_.c_str(), second.c_str()), 0);
  const Fd first = Open(O_RDWR);
  const Fd other(open(second.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(write(first.get(), "l", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(other.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'l');
}

TEST_F(FifoTest, PermissionsAreChecked) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become another user";
  }
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              CHILD_CHECK_ERRNO(EACCES, open(path_.c_str(), O_RDONLY | O_NONBLOCK));
            }),
            "exited 0");
}

TEST_F(FifoTest, MkfifoRefusesBadPaths) {
  EXPECT_ERRNO(EEXIST, mkfifo(path_.c_str(), 0600));
  EXPECT_ERRNO(ENOENT, mkfifo(directory_.path("missing/fifo").c_str(), 0600));
  EXPECT_ERRNO(ENOTDIR, mkfifo((path_ + "/fifo").c_str(), 0600));
}

}  // namespace
}  // namespace compat
