// poll(2), ppoll(2), select(2), pselect6(2).

#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class PollSelectTest : public DeadlineTest {};

short Poll(int fd, short events, int timeout_ms = 0) {
  pollfd item = {fd, events, 0};
  const int count = poll(&item, 1, timeout_ms);
  EXPECT_EQ(count, item.revents != 0 ? 1 : 0);
  return item.revents;
}

// A descriptor set of the listed descriptors.
fd_set SetOf(std::initializer_list<int> fds) {
  fd_set set;
  FD_ZERO(&set);
  for (const int fd : fds) {
    FD_SET(fd, &set);
  }
  return set;
}

TEST_F(PollSelectTest, PipeIsWritableAndThenReadable) {
  Pipe pipe;
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN), 0);
  EXPECT_EQ(Poll(pipe.writer.get(), POLLOUT), POLLOUT);
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
}

TEST_F(PollSelectTest, FullPipeIsNotWritable) {
  Pipe pipe(O_NONBLOCK);
  const std::vector<char> data(1 << 20);
  ASSERT_GT(write(pipe.writer.get(), data.data(), data.size()), 0);
  EXPECT_EQ(Poll(pipe.writer.get(), POLLOUT), 0);
}

TEST_F(PollSelectTest, HangupAndErrorOfPipesAreReportedUnasked) {
  Pipe pipe;
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  pipe.writer.Reset();
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN), POLLIN | POLLHUP);
  char byte;
  ASSERT_EQ(read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN), POLLHUP);
  Pipe other;
  other.reader.Reset();
  EXPECT_EQ(Poll(other.writer.get(), POLLOUT), POLLOUT | POLLERR);
}

TEST_F(PollSelectTest, ClosedDescriptorIsPollnval) { EXPECT_EQ(Poll(999, POLLIN), POLLNVAL); }

TEST_F(PollSelectTest, NegativeDescriptorsAreSkipped) {
  pollfd items[2] = {{-1, POLLIN, 77}, {-5, POLLOUT, 77}};
  EXPECT_EQ(poll(items, 2, 0), 0);
  EXPECT_EQ(items[0].revents, 0);
  EXPECT_EQ(items[1].revents, 0);
}

TEST_F(PollSelectTest, RegularFilesAndDevicesAreAlwaysReady) {
  const Fd file(memfd_create("regular", MFD_CLOEXEC));
  EXPECT_EQ(Poll(file.get(), POLLIN | POLLOUT), POLLIN | POLLOUT);
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(Poll(null.get(), POLLIN | POLLOUT), POLLIN | POLLOUT);
}

TEST_F(PollSelectTest, CountIsTheNumberOfReadyDescriptors) {
  std::vector<Pipe> pipes(10);
  std::vector<pollfd> items;
  for (size_t i = 0; i < pipes.size(); ++i) {
    items.push_back({pipes[i].reader.get(), POLLIN, 0});
    if (i % 3 == 0) {
      ASSERT_EQ(write(pipes[i].writer.get(), "x", 1), 1);
    }
  }
  EXPECT_EQ(poll(items.data(), items.size(), -1), 4);
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(items[i].revents, i % 3 == 0 ? POLLIN : 0);
  }
}

TEST_F(PollSelectTest, OneDescriptorMayBeListedTwice) {
  Pipe pipe;
  pollfd items[2] = {{pipe.writer.get(), POLLOUT, 0}, {pipe.writer.get(), POLLOUT, 0}};
  EXPECT_EQ(poll(items, 2, 0), 2);
}

TEST_F(PollSelectTest, PollWaitsForData) {
  Pipe pipe;
  const pid_t me = getpid();
  std::thread writer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    EXPECT_EQ(write(pipe.writer.get(), "x", 1), 1);
  });
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN, -1), POLLIN);
  writer.join();
}

TEST_F(PollSelectTest, PollWaitsForHangup) {
  Pipe pipe;
  const pid_t me = getpid();
  std::thread closer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    pipe.writer.Reset();
  });
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN, -1), POLLHUP);
  closer.join();
}

TEST_F(PollSelectTest, TimeoutsEndTheWait) {
  Pipe pipe;
  int64_t start_ns = NowNs();
  EXPECT_EQ(Poll(pipe.reader.get(), POLLIN, 30), 0);
  EXPECT_GE(NowNs() - start_ns, 30 * kMillisecondNs);
  start_ns = NowNs();
  EXPECT_EQ(poll(nullptr, 0, 10), 0);  // A sleep.
  EXPECT_GE(NowNs() - start_ns, 10 * kMillisecondNs);
  start_ns = NowNs();
  const timespec limit = {0, 1'500'000};
  pollfd item = {pipe.reader.get(), POLLIN, 0};
  EXPECT_EQ(ppoll(&item, 1, &limit, nullptr), 0);
  EXPECT_GE(NowNs() - start_ns, 1'500'000);
}

TEST_F(PollSelectTest, RawPpollStoresWhatIsLeftOfTheTime) {
  Pipe pipe;
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  timespec limit = {50, 0};
  pollfd item = {pipe.reader.get(), POLLIN, 0};
  EXPECT_EQ(syscall(SYS_ppoll, &item, 1, &limit, nullptr, 0), 1);
  EXPECT_LE(ToNs(limit), 50 * kSecondNs);
  EXPECT_GT(ToNs(limit), kSecondNs);
}

std::atomic<int> g_handled = 0;

TEST_F(PollSelectTest, MasksHoldDuringTheWaitOnly) {
  ScopedAction action(SIGUSR1, [](int) { ++g_handled; });
  ScopedBlock block({SIGUSR1});
  const sigset_t none = SignalSet({});
  Pipe pipe;
  g_handled = 0;
  raise(SIGUSR1);
  pollfd item = {pipe.reader.get(), POLLIN, 0};
  EXPECT_ERRNO(EINTR, ppoll(&item, 1, nullptr, &none));
  EXPECT_EQ(g_handled, 1);
  raise(SIGUSR1);
  fd_set set = SetOf({pipe.reader.get()});
  EXPECT_ERRNO(EINTR, pselect(pipe.reader.get() + 1, &set, nullptr, nullptr, nullptr, &none));
  EXPECT_EQ(g_handled, 2);
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 1);
}

TEST_F(PollSelectTest, MaskMayBlockDuringTheWait) {
  ScopedAction action(SIGUSR1, [](int) { ++g_handled; });
  g_handled = 0;
  const sigset_t blocked = SignalSet({SIGUSR1});
  const pid_t me = getpid();
  Pipe pipe;
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
    CHILD_CHECK(write(pipe.writer.get(), "x", 1) == 1);
  });
  pollfd item = {pipe.reader.get(), POLLIN, 0};
  EXPECT_EQ(ppoll(&item, 1, nullptr, &blocked), 1);
  EXPECT_EQ(g_handled, 1);  // Delivered when the old mask came back.
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(PollSelectTest, SelectReportsEachSet) {
  Pipe pipe;
  ASSERT_EQ(write(pipe.writer.get(), "x", 1), 1);
  const int reader = pipe.reader.get(), writer = pipe.writer.get();
  fd_set readable = SetOf({reader}), writable = SetOf({writer}), strange = SetOf({reader, writer});
  EXPECT_EQ(select(std::max(reader, writer) + 1, &readable, &writable, &strange, nullptr), 2);
  EXPECT_TRUE(FD_ISSET(reader, &readable));
  EXPECT_TRUE(FD_ISSET(writer, &writable));
  EXPECT_FALSE(FD_ISSET(reader, &strange) || FD_ISSET(writer, &strange));
}

TEST_F(PollSelectTest, SelectCountsADescriptorOncePerSet) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Fd first(ends[0]), second(ends[1]);
  ASSERT_EQ(write(second.get(), "x", 1), 1);
  fd_set readable = SetOf({first.get()}), writable = SetOf({first.get()});
  EXPECT_EQ(select(first.get() + 1, &readable, &writable, nullptr, nullptr), 2);
}

TEST_F(PollSelectTest, SelectTimesOutAndClearsTheSets) {
  Pipe pipe;
  fd_set set = SetOf({pipe.reader.get()});
  timeval limit = {0, 20'000};
  const int64_t start_ns = NowNs();
  EXPECT_EQ(select(pipe.reader.get() + 1, &set, nullptr, nullptr, &limit), 0);
  EXPECT_GE(NowNs() - start_ns, 20 * kMillisecondNs);
  EXPECT_FALSE(FD_ISSET(pipe.reader.get(), &set));
  EXPECT_EQ(limit.tv_sec, 0);
  EXPECT_EQ(limit.tv_usec, 0);
}

TEST_F(PollSelectTest, SelectSeesTheEndOfAFileAsReadable) {
  Pipe pipe;
  pipe.writer.Reset();
  fd_set set = SetOf({pipe.reader.get()});
  EXPECT_EQ(select(pipe.reader.get() + 1, &set, nullptr, nullptr, nullptr), 1);
}

TEST_F(PollSelectTest, SelectIgnoresDescriptorsBeyondItsCount) {
  Pipe pipe;
  fd_set set = SetOf({pipe.writer.get()});
  timeval now = {0, 0};
  EXPECT_EQ(select(pipe.writer.get(), nullptr, &set, nullptr, &now), 0);
}

TEST_F(PollSelectTest, SelectAloneSleeps) {
  timeval limit = {0, 10'000};
  const int64_t start_ns = NowNs();
  EXPECT_EQ(select(0, nullptr, nullptr, nullptr, &limit), 0);
  EXPECT_GE(NowNs() - start_ns, 10 * kMillisecondNs);
}

TEST_F(PollSelectTest, PollRefusesBadArguments) {
  pollfd item = {0, POLLIN, 0};
  const timespec negative = {-1, 0}, overfull = {0, kSecondNs};
  EXPECT_ERRNO(EFAULT, syscall(SYS_poll, 8, 1, 0));
  EXPECT_ERRNO(EINVAL, ppoll(&item, 1, &negative, nullptr));
  EXPECT_ERRNO(EINVAL, ppoll(&item, 1, &overfull, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_ppoll, &item, 1, 8, nullptr, 8));
  const sigset_t set = SignalSet({});
  EXPECT_ERRNO(EINVAL, syscall(SYS_ppoll, &item, 1, nullptr, &set, 4));
  EXPECT_EQ(RunInChild([] {
              rlimit limit = {10, 10};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              std::vector<pollfd> many(11, pollfd{-1, 0, 0});
              CHILD_CHECK_ERRNO(EINVAL, poll(many.data(), many.size(), 0));
            }),
            "exited 0");
}

TEST_F(PollSelectTest, SelectRefusesBadArguments) {
  // A low number: Linux overlooks those beyond the table's present size.
  const int number = dup(STDERR_FILENO);
  ASSERT_EQ(close(number), 0);
  fd_set closed = SetOf({number});
  timeval now = {0, 0};
  EXPECT_ERRNO(EBADF, select(number + 1, &closed, nullptr, nullptr, &now));
  EXPECT_ERRNO(EINVAL, select(-1, nullptr, nullptr, nullptr, &now));
  timeval negative = {-1, 0};
  EXPECT_ERRNO(EINVAL, select(0, nullptr, nullptr, nullptr, &negative));
  EXPECT_ERRNO(EFAULT, syscall(SYS_select, 1, 8, nullptr, nullptr, &now));
  EXPECT_ERRNO(EFAULT, syscall(SYS_select, 0, nullptr, nullptr, nullptr, 8));
  const timespec overfull = {0, kSecondNs};
  EXPECT_ERRNO(EINVAL, pselect(0, nullptr, nullptr, nullptr, &overfull, nullptr));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ENOMEM (a host condition). EINTR and restarts: signal_restart_test.cc.
