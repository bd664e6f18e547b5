// Interval timers and alarms: setitimer(2), getitimer(2), alarm(2). posix_timer_test.cc has
// timer_create(2).

#include <sys/time.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

// ITIMER_REAL is the deadline's, so tests that use it run in a child.
class TimerTest : public DeadlineTest {};

// The timers of processor time count the ticks that hit the process, and a process that is hit has
// not always run for a whole one. So much it has run at least before the shortest timer here.
constexpr int64_t kSampledNs = 5 * kMillisecondNs;

std::atomic<int> g_count = 0;
void Count(int) { ++g_count; }

itimerval Interval(int64_t first_us, int64_t period_us) {
  return {{period_us / 1'000'000, period_us % 1'000'000},
          {first_us / 1'000'000, first_us % 1'000'000}};
}

int64_t ToUs(const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; }

void StopDeadline() {
  alarm(0);
  g_count = 0;
  signal(SIGALRM, Count);
}

TEST_F(TimerTest, AlarmDeliversOneSignal) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              const int64_t start_ns = NowNs();
              CHILD_CHECK(alarm(1) == 0);
              CHILD_CHECK(pause() == -1);
              CHILD_CHECK(g_count == 1);
              CHILD_CHECK(NowNs() - start_ns >= 990 * kMillisecondNs);
              CHILD_CHECK(alarm(0) == 0);
            }),
            "exited 0");
}

TEST_F(TimerTest, AlarmReturnsWhatWasLeftAndZeroCancels) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              CHILD_CHECK(alarm(100) == 0);
              const unsigned left = alarm(50);
              CHILD_CHECK(left == 100 || left == 99);
              const unsigned rest = alarm(0);
              CHILD_CHECK(rest == 50 || rest == 49);
              CHILD_CHECK(alarm(0) == 0);
            }),
            "exited 0");
}

TEST_F(TimerTest, AlarmOfLessThanASecondLeftIsReportedAsOne) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              const itimerval soon = Interval(400'000, 0);
              CHILD_CHECK(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
              CHILD_CHECK(alarm(0) == 1);
            }),
            "exited 0");
}

TEST_F(TimerTest, AlarmAndRealTimerAreOne) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              alarm(100);
              itimerval now = {};
              CHILD_CHECK(getitimer(ITIMER_REAL, &now) == 0);
              CHILD_CHECK(now.it_value.tv_sec >= 98 && now.it_interval.tv_sec == 0);
              const itimerval off = {};
              CHILD_CHECK(setitimer(ITIMER_REAL, &off, &now) == 0);
              CHILD_CHECK(now.it_value.tv_sec >= 98);
              CHILD_CHECK(alarm(0) == 0);
            }),
            "exited 0");
}

TEST_F(TimerTest, UnhandledAlarmEndsTheProcess) {
  EXPECT_EQ(RunInChild([] {
              signal(SIGALRM, SIG_DFL);
              const itimerval soon = Interval(1000, 0);
              setitimer(ITIMER_REAL, &soon, nullptr);
              for (;;) {
                pause();
              }
            }),
            "killed by 14");
}

TEST_F(TimerTest, RealTimerRepeats) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              const int64_t start_ns = NowNs();
              const itimerval period = Interval(10'000, 10'000);
              CHILD_CHECK(setitimer(ITIMER_REAL, &period, nullptr) == 0);
              while (g_count < 5) {
                pause();
              }
              CHILD_CHECK(NowNs() - start_ns >= 49 * kMillisecondNs);
              itimerval now = {};
              CHILD_CHECK(getitimer(ITIMER_REAL, &now) == 0);
              CHILD_CHECK(ToUs(now.it_interval) == 10'000);
              CHILD_CHECK(ToUs(now.it_value) <= 10'000);
            }),
            "exited 0");
}

TEST_F(TimerTest, RealTimerSignalComesFromTheKernel) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              ScopedBlock block({SIGALRM});
              const itimerval soon = Interval(1000, 0);
              CHILD_CHECK(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
              const sigset_t set = SignalSet({SIGALRM});
              siginfo_t info = {};
              CHILD_CHECK(sigwaitinfo(&set, &info) == SIGALRM);
              CHILD_CHECK(info.si_code == SI_KERNEL);
            }),
            "exited 0");
}

TEST_F(TimerTest, VirtualTimerCountsTimeInTheProgram) {
  g_count = 0;
  ScopedAction action(SIGVTALRM, Count);
  const int64_t start_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  const itimerval soon = Interval(30'000, 0);
  ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &soon, nullptr), 0);
  while (g_count == 0) {
  }
  EXPECT_GE(NowNs(CLOCK_PROCESS_CPUTIME_ID) - start_ns, kSampledNs);
  itimerval now = {};
  ASSERT_EQ(getitimer(ITIMER_VIRTUAL, &now), 0);
  EXPECT_EQ(ToUs(now.it_value), 0);
}

TEST_F(TimerTest, ProfilingTimerCountsProgramAndKernelAndRepeats) {
  g_count = 0;
  ScopedAction action(SIGPROF, Count);
  const int64_t start_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  const itimerval period = Interval(20'000, 20'000);
  ASSERT_EQ(setitimer(ITIMER_PROF, &period, nullptr), 0);
  while (g_count < 3) {
    syscall(SYS_getppid);
  }
  const itimerval off = {};
  ASSERT_EQ(setitimer(ITIMER_PROF, &off, nullptr), 0);
  EXPECT_GE(NowNs(CLOCK_PROCESS_CPUTIME_ID) - start_ns, kSampledNs);
}

TEST_F(TimerTest, ProcessorTimersDoNotCountSleep) {
  g_count = 0;
  ScopedAction action(SIGPROF, Count);
  const itimerval soon = Interval(80'000, 0);
  ASSERT_EQ(setitimer(ITIMER_PROF, &soon, nullptr), 0);
  SleepNs(150 * kMillisecondNs);
  EXPECT_EQ(g_count, 0);
  itimerval now = {};
  const itimerval off = {};
  ASSERT_EQ(setitimer(ITIMER_PROF, &off, &now), 0);
  EXPECT_GT(ToUs(now.it_value), 0);
}

TEST_F(TimerTest, ProcessorTimersCountAllThreads) {
  g_count = 0;
  ScopedAction action(SIGPROF, Count);
  const itimerval soon = Interval(30'000, 0);
  ASSERT_EQ(setitimer(ITIMER_PROF, &soon, nullptr), 0);
  std::thread([] {
    while (g_count == 0) {
    }
  }).join();
  EXPECT_EQ(g_count, 1);
}

TEST_F(TimerTest, TimersBelongToTheProcessAndNotToAThread) {
  EXPECT_EQ(RunInChild([] {
              StopDeadline();
              std::thread([] { alarm(100); }).join();
              CHILD_CHECK(alarm(0) >= 98);
            }),
            "exited 0");
}

TEST_F(TimerTest, DisarmedTimerIsZero) {
  const itimerval set = Interval(5'000'000, 0), off = {};
  itimerval old = {};
  ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &set, nullptr), 0);
  ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &off, &old), 0);
  EXPECT_GT(ToUs(old.it_value), 4'000'000);
  ASSERT_EQ(getitimer(ITIMER_VIRTUAL, &old), 0);
  EXPECT_EQ(ToUs(old.it_value), 0);
  EXPECT_EQ(ToUs(old.it_interval), 0);
}

TEST_F(TimerTest, BadArgumentsAreRefused) {
  itimerval value = {};
  EXPECT_ERRNO(EINVAL, syscall(SYS_setitimer, 3, &value, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_getitimer, 3, &value));
  EXPECT_ERRNO(EFAULT, syscall(SYS_setitimer, ITIMER_VIRTUAL, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_setitimer, ITIMER_VIRTUAL, &value, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getitimer, ITIMER_VIRTUAL, 8));
  value.it_value.tv_usec = 1'000'000;
  EXPECT_ERRNO(EINVAL, setitimer(ITIMER_VIRTUAL, &value, nullptr));
  value = {};
  value.it_interval.tv_sec = -1;
  EXPECT_ERRNO(EINVAL, setitimer(ITIMER_VIRTUAL, &value, nullptr));
}

}  // namespace
}  // namespace compat
