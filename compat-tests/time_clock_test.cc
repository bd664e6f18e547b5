// Clocks and sleeping: clock_gettime(2), clock_getres(2), nanosleep(2), clock_nanosleep(2),
// gettimeofday(2), times(2), getrusage(2).

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class TimeClockTest : public DeadlineTest {};

const clockid_t kClocks[] = {CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
                             CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                             CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};

// Past the vDSO, which answers most reads without a call.
int64_t RawNowNs(clockid_t clock) {
  timespec now = {};
  return syscall(SYS_clock_gettime, clock, &now) == 0 ? ToNs(now) : -1;
}

void BurnNs(int64_t ns) {
  const int64_t end_ns = NowNs(CLOCK_THREAD_CPUTIME_ID) + ns;
  while (NowNs(CLOCK_THREAD_CPUTIME_ID) < end_ns) {
  }
}

TEST_F(TimeClockTest, EveryClockCanBeReadAndDoesNotRunBackwards) {
  for (const clockid_t clock : kClocks) {
    int64_t last_ns = 0;
    for (int i = 0; i < 1000; ++i) {
      timespec now = {};
      ASSERT_EQ(clock_gettime(clock, &now), 0) << "clock " << clock;
      ASSERT_GE(now.tv_nsec, 0);
      ASSERT_LT(now.tv_nsec, kSecondNs);
      ASSERT_GE(ToNs(now), last_ns) << "clock " << clock;
      last_ns = ToNs(now);
    }
    EXPECT_GT(last_ns, 0) << "clock " << clock;
  }
}

TEST_F(TimeClockTest, SystemCallAndLibraryAgree) {
  for (const clockid_t clock :
       {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI}) {
    const int64_t before_ns = NowNs(clock);
    const int64_t raw_ns = RawNowNs(clock);
    const int64_t after_ns = NowNs(clock);
    EXPECT_LE(before_ns, raw_ns) << "clock " << clock;
    EXPECT_LE(raw_ns, after_ns) << "clock " << clock;
  }
}

TEST_F(TimeClockTest, CoarseClocksLagByAtMostTwoTicks) {
  const struct {
    clockid_t coarse, fine;
  } pairs[] = {{CLOCK_REALTIME_COARSE, CLOCK_REALTIME}, {CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC}};
  for (const auto& pair : pairs) {
    const int64_t coarse_ns = NowNs(pair.coarse);
    EXPECT_LE(coarse_ns, NowNs(pair.fine));
    EXPECT_TRUE(Eventually([&] {
      const int64_t fine_ns = NowNs(pair.fine);
      return NowNs(pair.coarse) >= fine_ns - 20 * kMillisecondNs;
    }));
  }
}

TEST_F(TimeClockTest, RealTimeIsAfterTheYear2024) {
  EXPECT_GT(NowNs(CLOCK_REALTIME) / kSecondNs, 1'704'067'200);
}

TEST_F(TimeClockTest, BoottimeIsNotBehindMonotonic) {
  const int64_t monotonic_ns = NowNs(CLOCK_MONOTONIC);
  EXPECT_GE(NowNs(CLOCK_BOOTTIME), monotonic_ns);
}

TEST_F(TimeClockTest, ProcessorClocksCountWorkAndNotSleep) {
  const int64_t start_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  SleepNs(100 * kMillisecondNs);
  EXPECT_LT(NowNs(CLOCK_PROCESS_CPUTIME_ID) - start_ns, 80 * kMillisecondNs);
  BurnNs(30 * kMillisecondNs);
  EXPECT_GE(NowNs(CLOCK_PROCESS_CPUTIME_ID) - start_ns, 30 * kMillisecondNs);
}

TEST_F(TimeClockTest, ThreadClockCountsOneThreadOnly) {
  const int64_t own_ns = NowNs(CLOCK_THREAD_CPUTIME_ID);
  const int64_t process_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  std::thread([] { BurnNs(50 * kMillisecondNs); }).join();
  EXPECT_LT(NowNs(CLOCK_THREAD_CPUTIME_ID) - own_ns, 40 * kMillisecondNs);
  EXPECT_GE(NowNs(CLOCK_PROCESS_CPUTIME_ID) - process_ns, 50 * kMillisecondNs);
}

TEST_F(TimeClockTest, ClockOfAnotherProcessCanBeRead) {
  Channel<> burnt, go;
  const pid_t pid = ForkChild([&] {
    BurnNs(30 * kMillisecondNs);
    burnt.Send();
    go.Receive();
  });
  burnt.Receive();
  clockid_t clock = 0;
  ASSERT_EQ(clock_getcpuclockid(pid, &clock), 0);
  EXPECT_GE(NowNs(clock), 30 * kMillisecondNs);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(clock_getcpuclockid(pid, &clock), ESRCH);
}

TEST_F(TimeClockTest, ClockOfAnotherThreadCanBeRead) {
  Channel<> burnt, stop;
  std::thread other([&] {
    BurnNs(30 * kMillisecondNs);
    burnt.Send();
    stop.Receive();
  });
  burnt.Receive();
  clockid_t clock = 0;
  ASSERT_EQ(pthread_getcpuclockid(other.native_handle(), &clock), 0);
  EXPECT_GE(NowNs(clock), 30 * kMillisecondNs);
  stop.Send();
  other.join();
}

TEST_F(TimeClockTest, ResolutionIsANanosecondOrATick) {
  for (const clockid_t clock : kClocks) {
    timespec resolution = {};
    ASSERT_EQ(clock_getres(clock, &resolution), 0) << "clock " << clock;
    EXPECT_EQ(resolution.tv_sec, 0);
    const bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    if (coarse) {
      EXPECT_GE(resolution.tv_nsec, 1'000'000);
      EXPECT_LE(resolution.tv_nsec, 10'000'000);
    } else {
      EXPECT_EQ(resolution.tv_nsec, 1) << "clock " << clock;
    }
    EXPECT_EQ(clock_getres(clock, nullptr), 0);
  }
}

TEST_F(TimeClockTest, ClockCallsRefuseBadArguments) {
  timespec time = {};
  auto* bad = reinterpret_cast<timespec*>(8);
  EXPECT_ERRNO(EINVAL, clock_gettime(99, &time));
  EXPECT_ERRNO(EINVAL, clock_gettime(10, &time));  // CLOCK_SGI_CYCLE, long gone.
  EXPECT_ERRNO(EINVAL, clock_getres(99, &time));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_gettime, CLOCK_REALTIME, bad));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_getres, CLOCK_REALTIME, bad));
  EXPECT_ERRNO(EINVAL, clock_settime(CLOCK_MONOTONIC, &time));
  EXPECT_ERRNO(EINVAL, clock_settime(99, &time));
  time.tv_nsec = kSecondNs;
  EXPECT_ERRNO(EINVAL, clock_settime(CLOCK_REALTIME, &time));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_settime, CLOCK_REALTIME, bad));
}

TEST_F(TimeClockTest, SettingTheClockWithoutPrivilegeFailsWithEperm) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              timespec now = {};
              CHILD_CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
              CHILD_CHECK_ERRNO(EPERM, clock_settime(CLOCK_REALTIME, &now));
              timex change = {};
              change.modes = ADJ_OFFSET;
              CHILD_CHECK_ERRNO(EPERM, adjtimex(&change));
              CHILD_CHECK_ERRNO(EPERM, clock_adjtime(CLOCK_REALTIME, &change));
              timeval time = {now.tv_sec, 0};
              CHILD_CHECK_ERRNO(EPERM, settimeofday(&time, nullptr));
              time.tv_usec = 1'000'000;
              CHILD_CHECK_ERRNO(EINVAL, settimeofday(&time, nullptr));
              time.tv_usec = -1;
              CHILD_CHECK_ERRNO(EINVAL, settimeofday(&time, nullptr));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_settimeofday, 8, nullptr));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_settimeofday, nullptr, 8));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_gettimeofday, 8, nullptr));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_gettimeofday, nullptr, 8));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_adjtimex, 8));
              CHILD_CHECK_ERRNO(EINVAL, clock_adjtime(99, &change));
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_clock_adjtime, CLOCK_REALTIME, 8));
            }),
            "exited 0");
}

TEST_F(TimeClockTest, GettimeofdayAndTimeAgreeWithTheClock) {
  const int64_t before_us = NowNs(CLOCK_REALTIME) / 1000;
  timeval now = {};
  struct timezone zone = {};
  ASSERT_EQ(gettimeofday(&now, &zone), 0);
  const int64_t after_us = NowNs(CLOCK_REALTIME) / 1000;
  EXPECT_LE(before_us, now.tv_sec * 1'000'000 + now.tv_usec);
  EXPECT_GE(after_us, now.tv_sec * 1'000'000 + now.tv_usec);
  const time_t seconds = time(nullptr);
  EXPECT_LE(seconds - now.tv_sec, 20);
  EXPECT_GE(seconds, now.tv_sec - 1);
  time_t stored = 0;
  EXPECT_EQ(time(&stored), stored);
  EXPECT_EQ(syscall(SYS_gettimeofday, nullptr, nullptr), 0);
  EXPECT_ERRNO(EFAULT, syscall(SYS_gettimeofday, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_time, 8));
}

TEST_F(TimeClockTest, NanosleepSleepsAtLeastAsLong) {
  for (const int64_t length_ns : {int64_t{0}, int64_t{1}, 10 * kMillisecondNs}) {
    const timespec length = ToTimespec(length_ns);
    const int64_t start_ns = NowNs();
    ASSERT_EQ(nanosleep(&length, nullptr), 0);
    EXPECT_GE(NowNs() - start_ns, length_ns);
  }
}

TEST_F(TimeClockTest, ClockNanosleepSleepsOnEachClockThatCanSleep) {
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI}) {
    const timespec length = ToTimespec(10 * kMillisecondNs);
    int64_t start_ns = NowNs(clock);
    EXPECT_EQ(clock_nanosleep(clock, 0, &length, nullptr), 0) << "clock " << clock;
    EXPECT_GE(NowNs(clock) - start_ns, 10 * kMillisecondNs);
    start_ns = NowNs(clock);
    const timespec end = ToTimespec(start_ns + 10 * kMillisecondNs);
    EXPECT_EQ(clock_nanosleep(clock, TIMER_ABSTIME, &end, nullptr), 0) << "clock " << clock;
    EXPECT_GE(NowNs(clock), start_ns + 10 * kMillisecondNs);
  }
}

TEST_F(TimeClockTest, SleepUntilThePastReturnsAtOnce) {
  const timespec past = {1, 0};
  EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, nullptr), 0);
  EXPECT_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, nullptr), 0);
}

TEST_F(TimeClockTest, SleepOnProcessorTimeEndsWhenTheWorkIsDone) {
  std::atomic<bool> stop = false;
  std::thread worker([&] {
    while (!stop) {
    }
  });
  const int64_t start_ns = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  const timespec length = ToTimespec(30 * kMillisecondNs);
  EXPECT_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &length, nullptr), 0);
  EXPECT_GE(NowNs(CLOCK_PROCESS_CPUTIME_ID) - start_ns, 30 * kMillisecondNs);
  stop = true;
  worker.join();
}

TEST_F(TimeClockTest, SleepsRefuseBadArguments) {
  const timespec negative_s = {-1, 0}, negative_ns = {0, -1}, overfull = {0, kSecondNs};
  for (const timespec& wrong : {negative_s, negative_ns, overfull}) {
    EXPECT_ERRNO(EINVAL, nanosleep(&wrong, nullptr));
    EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, nullptr), EINVAL);
  }
  const timespec zero = {0, 0};
  EXPECT_ERRNO(EFAULT, syscall(SYS_nanosleep, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, 8, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_clock_nanosleep, 99, 0, &zero, nullptr));
  for (const clockid_t clock :
       {CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE}) {
    EXPECT_ERRNO(EOPNOTSUPP, syscall(SYS_clock_nanosleep, clock, 0, &zero, nullptr));
  }
  EXPECT_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &zero, nullptr), EINVAL);  // The library's.
}

TEST_F(TimeClockTest, TimesCountsTicksOfAHundredthSecond) {
  EXPECT_EQ(sysconf(_SC_CLK_TCK), 100);
  EXPECT_EQ(RunInChild([] {
              tms before = {}, after = {};
              const clock_t start = times(&before);
              CHILD_CHECK(start != -1);
              BurnNs(60 * kMillisecondNs);
              CHILD_CHECK(WaitFor(ForkChild([] { BurnNs(60 * kMillisecondNs); })) == "exited 0");
              const clock_t end = times(&after);
              CHILD_CHECK(end - start >= 10);
              CHILD_CHECK(after.tms_utime + after.tms_stime - before.tms_utime >= 4);
              CHILD_CHECK(after.tms_cutime + after.tms_cstime >= 4);
              CHILD_CHECK(before.tms_cutime == 0);
            }),
            "exited 0");
  EXPECT_EQ(syscall(SYS_times, nullptr) > 0, true);
  EXPECT_ERRNO(EFAULT, syscall(SYS_times, 8));
}

TEST_F(TimeClockTest, GetrusageCountsTimeAndMemory) {
  rusage before = {}, after = {};
  ASSERT_EQ(getrusage(RUSAGE_SELF, &before), 0);
  BurnNs(30 * kMillisecondNs);
  const size_t size = 64 << 12;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  memset(memory, 1, size);
  ASSERT_EQ(getrusage(RUSAGE_SELF, &after), 0);
  const auto total_us = [](const rusage& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  EXPECT_GE(total_us(after) - total_us(before), 20'000);
  EXPECT_GT(after.ru_maxrss, 256);  // In KiB.
  EXPECT_GE(after.ru_maxrss, before.ru_maxrss);
  munmap(memory, size);
  EXPECT_ERRNO(EINVAL, getrusage(static_cast<__rusage_who>(-2), &after));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getrusage, RUSAGE_SELF, 8));
}

TEST_F(TimeClockTest, AdjtimexReportsWithoutPrivilege) {
  timex state = {};
  const int result = adjtimex(&state);
  EXPECT_GE(result, TIME_OK);
  EXPECT_LE(result, TIME_ERROR);
  EXPECT_EQ(state.tick, 10000);
  EXPECT_ERRNO(EFAULT, syscall(SYS_adjtimex, 8));
  EXPECT_EQ(clock_adjtime(CLOCK_REALTIME, &state), result);
  EXPECT_ERRNO(EOPNOTSUPP, clock_adjtime(CLOCK_MONOTONIC, &state));
  EXPECT_ERRNO(EINVAL, clock_adjtime(99, &state));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: setting clocks for real (EINVAL before the epoch), which would change
// this machine; CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM, which depend on hardware.
