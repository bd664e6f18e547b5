// timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2).

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace compat {
namespace {

class PosixTimerTest : public DeadlineTest {};

// The system call, so that what is tested is the kernel's id and not the library's.
class Timer {
 public:
  explicit Timer(clockid_t clock, sigevent* event) {
    result_ = syscall(SYS_timer_create, clock, event, &id_);
  }
  ~Timer() { Delete(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool ok() const { return result_ == 0; }
  int id() const { return id_; }
  long Set(int64_t first_ns, int64_t period_ns = 0, int flags = 0, itimerspec* old = nullptr) {
    const itimerspec value = {ToTimespec(period_ns), ToTimespec(first_ns)};
    return syscall(SYS_timer_settime, id_, flags, &value, old);
  }
  itimerspec Get() const {
    itimerspec value = {};
    EXPECT_EQ(syscall(SYS_timer_gettime, id_, &value), 0);
    return value;
  }
  long Overrun() const { return syscall(SYS_timer_getoverrun, id_); }
  long Delete() { return syscall(SYS_timer_delete, id_); }

 private:
  int id_ = -1;
  long result_ = -1;
};

sigevent SignalEvent(int number, int value = 0) {
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = number;
  event.sigev_value.sival_int = value;
  return event;
}

siginfo_t WaitForSignal(int number) {
  const sigset_t set = SignalSet({number});
  siginfo_t info = {};
  while (sigwaitinfo(&set, &info) == -1 && errno == EINTR) {
  }
  return info;
}

bool IsPending(int number) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, number) == 1;
}

TEST_F(PosixTimerTest, SignalCarriesValueAndTimerId) {
  ScopedBlock block({SIGUSR1});
  sigevent event = SignalEvent(SIGUSR1, 42);
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_TRUE(timer.ok());
  ASSERT_EQ(timer.Set(1), 0);
  const siginfo_t info = WaitForSignal(SIGUSR1);
  EXPECT_EQ(info.si_signo, SIGUSR1);
  EXPECT_EQ(info.si_code, SI_TIMER);
  EXPECT_EQ(info.si_value.sival_int, 42);
  EXPECT_EQ(info.si_timerid, timer.id());
  EXPECT_EQ(info.si_overrun, 0);
}

TEST_F(PosixTimerTest, WithoutAnEventItSendsSigalrmWithItsId) {
  EXPECT_EQ(RunInChild([] {
              alarm(0);
              ScopedBlock block({SIGALRM});
              Timer timer(CLOCK_MONOTONIC, nullptr);
              CHILD_CHECK(timer.ok() && timer.Set(1) == 0);
              const siginfo_t info = WaitForSignal(SIGALRM);
              CHILD_CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == timer.id());
            }),
            "exited 0");
}

TEST_F(PosixTimerTest, ExpiresNotBeforeItsTimeOnEachClock) {
  ScopedBlock block({SIGUSR1});
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI}) {
    sigevent event = SignalEvent(SIGUSR1);
    Timer timer(clock, &event);
    ASSERT_TRUE(timer.ok()) << "clock " << clock;
    int64_t start_ns = NowNs(clock);
    ASSERT_EQ(timer.Set(20 * kMillisecondNs), 0);
    WaitForSignal(SIGUSR1);
    EXPECT_GE(NowNs(clock) - start_ns, 20 * kMillisecondNs);
    start_ns = NowNs(clock);
    ASSERT_EQ(timer.Set(start_ns + 20 * kMillisecondNs, 0, TIMER_ABSTIME), 0);
    WaitForSignal(SIGUSR1);
    EXPECT_GE(NowNs(clock), start_ns + 20 * kMillisecondNs);
  }
}

TEST_F(PosixTimerTest, AbsoluteTimeInThePastExpiresAtOnce) {
  ScopedBlock block({SIGUSR1});
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_EQ(timer.Set(1, 0, TIMER_ABSTIME), 0);
  EXPECT_EQ(WaitForSignal(SIGUSR1).si_code, SI_TIMER);
}

TEST_F(PosixTimerTest, PeriodicTimerCountsOverruns) {
  ScopedBlock block({SIGUSR1});
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_EQ(timer.Set(kMillisecondNs, kMillisecondNs), 0);
  SleepNs(30 * kMillisecondNs);
  const siginfo_t info = WaitForSignal(SIGUSR1);
  EXPECT_GE(info.si_overrun, 20);
  EXPECT_EQ(timer.Overrun(), info.si_overrun);
  // One signal stands for all of them; the next ones follow.
  WaitForSignal(SIGUSR1);
  EXPECT_EQ(timer.Set(0), 0);
}

TEST_F(PosixTimerTest, PeriodicTimerKeepsItsPace) {
  static std::atomic<int> count;
  count = 0;
  ScopedAction action(SIGUSR1, [](int, siginfo_t* info, void*) { count += 1 + info->si_overrun; });
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  const int64_t start_ns = NowNs();
  ASSERT_EQ(timer.Set(5 * kMillisecondNs, 5 * kMillisecondNs), 0);
  while (count < 10) {
    SleepNs(100 * kMillisecondNs);  // Signals interrupt it.
  }
  const int64_t elapsed_ns = NowNs() - start_ns;
  EXPECT_EQ(timer.Set(0), 0);
  EXPECT_GE(elapsed_ns, 50 * kMillisecondNs);
  EXPECT_LE(count, elapsed_ns / (5 * kMillisecondNs) + 2);
}

TEST_F(PosixTimerTest, GettimeTellsWhatIsLeft) {
  sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  Timer timer(CLOCK_MONOTONIC, &event);
  EXPECT_EQ(ToNs(timer.Get().it_value), 0);
  ASSERT_EQ(timer.Set(100 * kSecondNs, 7 * kSecondNs), 0);
  const itimerspec value = timer.Get();
  EXPECT_GT(ToNs(value.it_value), 90 * kSecondNs);
  EXPECT_LE(ToNs(value.it_value), 100 * kSecondNs);
  EXPECT_EQ(ToNs(value.it_interval), 7 * kSecondNs);
}

TEST_F(PosixTimerTest, SettimeReturnsTheOldValueAndZeroDisarms) {
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_EQ(timer.Set(100 * kSecondNs, 7 * kSecondNs), 0);
  itimerspec old = {};
  ASSERT_EQ(timer.Set(0, 0, 0, &old), 0);
  EXPECT_GT(ToNs(old.it_value), 90 * kSecondNs);
  EXPECT_EQ(ToNs(old.it_interval), 7 * kSecondNs);
  EXPECT_EQ(ToNs(timer.Get().it_value), 0);
}

TEST_F(PosixTimerTest, TimerWithoutNotificationExpiresSilently) {
  sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_EQ(timer.Set(kMillisecondNs), 0);
  EXPECT_TRUE(Eventually([&] { return ToNs(timer.Get().it_value) == 0; }));
}

TEST_F(PosixTimerTest, PeriodicTimerWithoutNotificationStillRuns) {
  sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_EQ(timer.Set(kMillisecondNs, 40 * kSecondNs), 0);
  EXPECT_TRUE(Eventually([&] { return ToNs(timer.Get().it_value) > kSecondNs; }));
}

TEST_F(PosixTimerTest, ThreadEventReachesTheNamedThread) {
  ScopedBlock block({SIGUSR1});
  Channel<pid_t> tids;
  std::thread other([&] {
    tids.Send(GetTid());
    const siginfo_t info = WaitForSignal(SIGUSR1);
    EXPECT_EQ(info.si_code, SI_TIMER);
    EXPECT_EQ(info.si_value.sival_int, 5);
  });
  sigevent event = SignalEvent(SIGUSR1, 5);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_notify_thread_id = tids.Receive();
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_TRUE(timer.ok());
  ASSERT_EQ(timer.Set(kMillisecondNs), 0);
  other.join();
  EXPECT_FALSE(IsPending(SIGUSR1));
}

TEST_F(PosixTimerTest, LibraryThreadNotificationRuns) {
  static Channel<int>* values;
  Channel<int> channel;
  values = &channel;
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_value.sival_int = 9;
  event.sigev_notify_function = [](sigval value) { values->Send(value.sival_int); };
  timer_t timer = nullptr;
  ASSERT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  const itimerspec soon = {{0, 0}, {0, 1}};
  ASSERT_EQ(timer_settime(timer, 0, &soon, nullptr), 0);
  EXPECT_EQ(channel.Receive(), 9);
  EXPECT_EQ(timer_delete(timer), 0);
}

TEST_F(PosixTimerTest, ProcessorTimeTimerCountsWork) {
  ScopedBlock block({SIGUSR1});
  sigevent event = SignalEvent(SIGUSR1);
  for (const clockid_t clock : {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID}) {
    Timer timer(clock, &event);
    ASSERT_TRUE(timer.ok());
    const int64_t start_ns = NowNs(clock);
    ASSERT_EQ(timer.Set(30 * kMillisecondNs), 0);
    while (!IsPending(SIGUSR1)) {
    }
    EXPECT_GE(NowNs(clock) - start_ns, 30 * kMillisecondNs);
    WaitForSignal(SIGUSR1);
  }
}

TEST_F(PosixTimerTest, TimersOfOneSignalAreQueuedSeparately) {
  ScopedBlock block({SIGRTMIN});
  sigevent first_event = SignalEvent(SIGRTMIN, 1), second_event = SignalEvent(SIGRTMIN, 2);
  Timer first(CLOCK_MONOTONIC, &first_event), second(CLOCK_MONOTONIC, &second_event);
  ASSERT_EQ(first.Set(1), 0);
  const int value = WaitForSignal(SIGRTMIN).si_value.sival_int;
  EXPECT_EQ(value, 1);
  ASSERT_EQ(second.Set(1), 0);
  ASSERT_EQ(first.Set(1), 0);
  const int sum =
      WaitForSignal(SIGRTMIN).si_value.sival_int + WaitForSignal(SIGRTMIN).si_value.sival_int;
  EXPECT_EQ(sum, 3);
}

TEST_F(PosixTimerTest, TimersAreNotInheritedByChildren) {
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  EXPECT_EQ(RunInChild([&] {
              itimerspec value = {};
              CHILD_CHECK_ERRNO(EINVAL, syscall(SYS_timer_gettime, timer.id(), &value));
            }),
            "exited 0");
}

TEST_F(PosixTimerTest, ExecDeletesTimers) {
  EXPECT_EQ(RunInChild([] {
              sigevent event = SignalEvent(SIGKILL);
              // Lost by exec, or it would kill the shell in its sleep.
              Timer timer(CLOCK_MONOTONIC, &event);
              CHILD_CHECK(timer.ok() && timer.Set(kSecondNs) == 0);
              execl("/bin/sh", "sh", "-c", "sleep 1.3; exit 3", nullptr);
            }),
            "exited 3");
}

TEST_F(PosixTimerTest, DeletedTimerIsGone) {
  sigevent event = SignalEvent(SIGUSR1);
  Timer timer(CLOCK_MONOTONIC, &event);
  EXPECT_EQ(timer.Delete(), 0);
  itimerspec value = {};
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_gettime, timer.id(), &value));
  EXPECT_ERRNO(EINVAL, timer.Set(1));
  EXPECT_ERRNO(EINVAL, timer.Overrun());
  EXPECT_ERRNO(EINVAL, timer.Delete());
}

TEST_F(PosixTimerTest, BadArgumentsAreRefused) {
  int id = 0;
  sigevent event = SignalEvent(65);
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
  event = SignalEvent(SIGUSR1);
  event.sigev_notify = 99;
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
  event = SignalEvent(SIGUSR1);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_notify_thread_id = 0x3fffff;
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
  event = SignalEvent(SIGUSR1);
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, 99, &event, &id));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timer_create, CLOCK_MONOTONIC, 8, &id));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, 8));
  Timer timer(CLOCK_MONOTONIC, &event);
  ASSERT_TRUE(timer.ok());
  itimerspec value = {};
  value.it_value.tv_nsec = kSecondNs;
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, timer.id(), 0, &value, nullptr));
  value.it_value = {-1, 0};
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, timer.id(), 0, &value, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, timer.id(), 0, nullptr, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timer_settime, timer.id(), 0, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timer_gettime, timer.id(), 8));
}

}  // namespace
}  // namespace compat

// Not tested: what timer_gettime says of a disarmed SIGEV_NONE timer. Linux goes on telling the
// time that was left. Errnos not provoked here: EAGAIN and ENOMEM (host conditions), EPERM and
// ENOTSUP of alarm clocks (they depend on hardware).
