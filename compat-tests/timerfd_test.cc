// timerfd_create(2), timerfd_settime(2), timerfd_gettime(2) and the descriptor's reads and polls.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class TimerfdTest : public DeadlineTest {};

Fd Create(clockid_t clock = CLOCK_MONOTONIC, int flags = TFD_CLOEXEC) {
  return Fd(timerfd_create(clock, flags));
}

int Set(const Fd& timer, int64_t first_ns, int64_t period_ns = 0, int flags = 0,
        itimerspec* old = nullptr) {
  const itimerspec value = {ToTimespec(period_ns), ToTimespec(first_ns)};
  return timerfd_settime(timer.get(), flags, &value, old);
}

// The number of expirations; 0 with errno when the read fails.
uint64_t Read(const Fd& timer) {
  uint64_t count = 0;
  return read(timer.get(), &count, sizeof(count)) == sizeof(count) ? count : 0;
}

short Poll(const Fd& fd, int timeout_ms = 0) {
  pollfd item = {fd.get(), POLLIN | POLLOUT, 0};
  poll(&item, 1, timeout_ms);
  return item.revents;
}

TEST_F(TimerfdTest, ReadWaitsForTheExpiration) {
  const Fd timer = Create();
  const int64_t start_ns = NowNs();
  ASSERT_EQ(Set(timer, 20 * kMillisecondNs), 0);
  EXPECT_EQ(Read(timer), 1u);
  EXPECT_GE(NowNs() - start_ns, 20 * kMillisecondNs);
}

TEST_F(TimerfdTest, NonblockingReadBeforeTheExpirationFailsWithEagain) {
  const Fd timer = Create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  uint64_t count = 0;
  EXPECT_ERRNO(EAGAIN, read(timer.get(), &count, sizeof(count)));  // Never set.
  ASSERT_EQ(Set(timer, 100 * kSecondNs), 0);
  EXPECT_ERRNO(EAGAIN, read(timer.get(), &count, sizeof(count)));
}

TEST_F(TimerfdTest, EachExpirationIsReadOnce) {
  const Fd timer = Create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  ASSERT_EQ(Set(timer, 1), 0);
  EXPECT_EQ(Poll(timer, -1), POLLIN);
  EXPECT_EQ(Read(timer), 1u);
  EXPECT_EQ(Read(timer), 0u);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(Poll(timer), 0);
}

TEST_F(TimerfdTest, PeriodicTimerCountsExpirations) {
  const Fd timer = Create();
  const int64_t start_ns = NowNs();
  ASSERT_EQ(Set(timer, kMillisecondNs, kMillisecondNs), 0);
  SleepNs(30 * kMillisecondNs);
  const uint64_t count = Read(timer);
  const int64_t elapsed_ns = NowNs() - start_ns;
  EXPECT_GE(count, 25u);
  EXPECT_LE(count, static_cast<uint64_t>(elapsed_ns / kMillisecondNs));
  EXPECT_GE(Read(timer), 1u);  // And it goes on.
}

TEST_F(TimerfdTest, AbsoluteTimesWorkOnEachClock) {
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
    const Fd timer = Create(clock);
    ASSERT_TRUE(timer.ok());
    const int64_t end_ns = NowNs(clock) + 20 * kMillisecondNs;
    ASSERT_EQ(Set(timer, end_ns, 0, TFD_TIMER_ABSTIME), 0);
    EXPECT_EQ(Read(timer), 1u);
    EXPECT_GE(NowNs(clock), end_ns);
    ASSERT_EQ(Set(timer, 1, 0, TFD_TIMER_ABSTIME), 0);  // Long past.
    EXPECT_EQ(Read(timer), 1u);
  }
}

TEST_F(TimerfdTest, GettimeTellsWhatIsLeft) {
  const Fd timer = Create();
  ASSERT_EQ(Set(timer, 100 * kSecondNs, 3 * kSecondNs), 0);
  itimerspec value = {};
  ASSERT_EQ(timerfd_gettime(timer.get(), &value), 0);
  EXPECT_GT(ToNs(value.it_value), 90 * kSecondNs);
  EXPECT_LE(ToNs(value.it_value), 100 * kSecondNs);
  EXPECT_EQ(ToNs(value.it_interval), 3 * kSecondNs);
  itimerspec old = {};
  ASSERT_EQ(Set(timer, 0, 0, 0, &old), 0);
  EXPECT_GT(ToNs(old.it_value), 90 * kSecondNs);
  ASSERT_EQ(timerfd_gettime(timer.get(), &value), 0);
  EXPECT_EQ(ToNs(value.it_value), 0);
}

TEST_F(TimerfdTest, SettingAgainForgetsUnreadExpirations) {
  const Fd timer = Create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  ASSERT_EQ(Set(timer, 1), 0);
  EXPECT_EQ(Poll(timer, -1), POLLIN);
  ASSERT_EQ(Set(timer, 100 * kSecondNs), 0);
  EXPECT_EQ(Poll(timer), 0);
  EXPECT_EQ(Read(timer), 0u);
}

TEST_F(TimerfdTest, ForkedChildSharesTheTimer) {
  const Fd timer = Create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(Set(timer, 1) == 0); }), "exited 0");
  EXPECT_EQ(Poll(timer, -1), POLLIN);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(Read(timer) == 1); }), "exited 0");
  EXPECT_EQ(Poll(timer), 0);
}

TEST_F(TimerfdTest, EpollReportsTheExpiration) {
  const Fd timer = Create();
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {EPOLLIN, {}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event), 0);
  ASSERT_EQ(Set(timer, 10 * kMillisecondNs), 0);
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, -1), 1);
  EXPECT_EQ(event.events, uint32_t{EPOLLIN});
}

TEST_F(TimerfdTest, FlagsSetTheDescriptor) {
  EXPECT_EQ(fcntl(Create(CLOCK_MONOTONIC, 0).get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(Create(CLOCK_MONOTONIC, TFD_CLOEXEC).get(), F_GETFD), FD_CLOEXEC);
  EXPECT_NE(fcntl(Create(CLOCK_MONOTONIC, TFD_NONBLOCK).get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(TimerfdTest, BlockedReadIsInterrupted) {
  ScopedAction action(SIGUSR1, [](int) {});
  const Fd timer = Create();
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  uint64_t count = 0;
  EXPECT_ERRNO(EINTR, read(timer.get(), &count, sizeof(count)));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TimerfdTest, ReadsAndWritesRefuseBadArguments) {
  const Fd timer = Create();
  ASSERT_EQ(Set(timer, 1), 0);
  char buffer[16];
  EXPECT_ERRNO(EINVAL, read(timer.get(), buffer, 7));
  EXPECT_EQ(read(timer.get(), buffer, sizeof(buffer)), 8);
  EXPECT_ERRNO(EINVAL, write(timer.get(), buffer, 8));
  EXPECT_EQ(lseek(timer.get(), 100, SEEK_SET), 0);  // Succeeds and does nothing.
  EXPECT_ERRNO(ESPIPE, pread(timer.get(), buffer, 8, 0));
}

TEST_F(TimerfdTest, CallsRefuseBadArguments) {
  EXPECT_ERRNO(EINVAL, timerfd_create(99, 0));
  EXPECT_ERRNO(EINVAL, timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  EXPECT_ERRNO(EINVAL, timerfd_create(CLOCK_MONOTONIC, 1));
  const Fd timer = Create();
  const Fd file(memfd_create("no timer", MFD_CLOEXEC));
  itimerspec value = {};
  EXPECT_ERRNO(EINVAL, timerfd_settime(file.get(), 0, &value, nullptr));
  EXPECT_ERRNO(EINVAL, timerfd_gettime(file.get(), &value));
  EXPECT_ERRNO(EBADF, timerfd_settime(-1, 0, &value, nullptr));
  EXPECT_ERRNO(EBADF, timerfd_gettime(-1, &value));
  EXPECT_ERRNO(EINVAL, timerfd_settime(timer.get(), 0x100, &value, nullptr));
  value.it_value.tv_nsec = kSecondNs;
  EXPECT_ERRNO(EINVAL, timerfd_settime(timer.get(), 0, &value, nullptr));
  value.it_value = {0, 0};
  value.it_interval = {-1, 0};
  EXPECT_ERRNO(EINVAL, timerfd_settime(timer.get(), 0, &value, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timerfd_settime, timer.get(), 0, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timerfd_gettime, timer.get(), 8));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: ECANCELED (a change of the system's clock, which would disturb this
// machine), EMFILE, ENFILE, ENODEV, ENOMEM (host conditions), EPERM (alarm clocks).
