// Real-time signals, sigqueue(3), sigtimedwait(2), tgkill(2), rt_sigqueueinfo(2), and the limit on
// queued signals.

#include <sys/resource.h>

#include <atomic>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class SignalQueueTest : public DeadlineTest {};

sigval Value(int value) {
  sigval result = {};
  result.sival_int = value;
  return result;
}

// Takes a pending signal of `set` without waiting; signo 0 when there is none.
siginfo_t TakePending(const sigset_t& set) {
  const timespec now = {0, 0};
  siginfo_t info = {};
  // The raw call: the C library's makes SI_USER of SI_TKILL.
  return syscall(SYS_rt_sigtimedwait, &set, &info, &now, 8) > 0 ? info : siginfo_t{};
}

TEST_F(SignalQueueTest, RealTimeSignalsAreQueuedInOrder) {
  const int number = SIGRTMIN + 1;
  ScopedBlock block({number});
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(sigqueue(getpid(), number, Value(i)), 0);
  }
  for (int i = 0; i < 100; ++i) {
    const siginfo_t info = TakePending(SignalSet({number}));
    EXPECT_EQ(info.si_signo, number);
    EXPECT_EQ(info.si_value.sival_int, i);
  }
  EXPECT_EQ(TakePending(SignalSet({number})).si_signo, 0);
}

TEST_F(SignalQueueTest, LowerNumbersAreTakenFirst) {
  const sigset_t set = SignalSet({SIGUSR1, SIGRTMIN, SIGRTMIN + 5, SIGRTMAX});
  ScopedBlock block({SIGUSR1, SIGRTMIN, SIGRTMIN + 5, SIGRTMAX});
  for (const int number : {SIGRTMAX, SIGRTMIN + 5, SIGRTMIN, SIGUSR1}) {
    raise(number);
  }
  for (const int number : {SIGUSR1, SIGRTMIN, SIGRTMIN + 5, SIGRTMAX}) {
    EXPECT_EQ(TakePending(set).si_signo, number);
  }
}

TEST_F(SignalQueueTest, StandardSignalsKeepTheFirstValueOnly) {
  ScopedBlock block({SIGUSR1});
  ASSERT_EQ(sigqueue(getpid(), SIGUSR1, Value(1)), 0);
  ASSERT_EQ(sigqueue(getpid(), SIGUSR1, Value(2)), 0);
  EXPECT_EQ(TakePending(SignalSet({SIGUSR1})).si_value.sival_int, 1);
  EXPECT_EQ(TakePending(SignalSet({SIGUSR1})).si_signo, 0);
}

TEST_F(SignalQueueTest, SiginfoTellsSenderAndValue) {
  ScopedBlock block({SIGUSR1});
  ASSERT_EQ(sigqueue(getpid(), SIGUSR1, Value(77)), 0);
  const siginfo_t info = TakePending(SignalSet({SIGUSR1}));
  EXPECT_EQ(info.si_code, SI_QUEUE);
  EXPECT_EQ(info.si_pid, getpid());
  EXPECT_EQ(info.si_uid, getuid());
  EXPECT_EQ(info.si_value.sival_int, 77);
}

TEST_F(SignalQueueTest, PointerValuesAreKeptWhole) {
  ScopedBlock block({SIGUSR1});
  sigval value;
  value.sival_ptr = reinterpret_cast<void*>(0x123456789abcdef0);
  ASSERT_EQ(sigqueue(getpid(), SIGUSR1, value), 0);
  EXPECT_EQ(TakePending(SignalSet({SIGUSR1})).si_value.sival_ptr, value.sival_ptr);
}

std::vector<int>* g_values;

TEST_F(SignalQueueTest, HandlersGetAllQueuedValuesInOrder) {
  std::vector<int> values;
  values.reserve(64);
  g_values = &values;
  const int number = SIGRTMIN + 2;
  ScopedAction action(
      number, [](int, siginfo_t* info, void*) { g_values->push_back(info->si_value.sival_int); });
  {
    ScopedBlock block({number});
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(sigqueue(getpid(), number, Value(i)), 0);
    }
  }
  ASSERT_EQ(values.size(), 50u);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(values[static_cast<size_t>(i)], i);
  }
}

TEST_F(SignalQueueTest, OtherProcessesMayQueue) {
  ScopedBlock block({SIGUSR1});
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] { CHILD_CHECK(sigqueue(me, SIGUSR1, Value(5)) == 0); });
  const sigset_t set = SignalSet({SIGUSR1});
  siginfo_t info = {};
  EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_value.sival_int, 5);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalQueueTest, SigtimedwaitFailsWithEagainAfterItsTime) {
  ScopedBlock block({SIGUSR1});
  const sigset_t set = SignalSet({SIGUSR1});
  const timespec pause = {0, 30'000'000};
  const int64_t start_ns = NowNs();
  EXPECT_ERRNO(EAGAIN, sigtimedwait(&set, nullptr, &pause));
  EXPECT_GE(NowNs() - start_ns, 30 * kMillisecondNs);
}

TEST_F(SignalQueueTest, SigtimedwaitIsWokenByASignal) {
  ScopedBlock block({SIGUSR1});
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  const sigset_t set = SignalSet({SIGUSR1});
  const timespec limit = {50, 0};
  siginfo_t info = {};
  EXPECT_EQ(sigtimedwait(&set, &info, &limit), SIGUSR1);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalQueueTest, SigwaitinfoInterruptedByAnotherHandlerFailsWithEintr) {
  ScopedBlock block({SIGUSR1});
  ScopedAction action(
      SIGUSR2, [](int) {}, SA_RESTART);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR2);
  });
  const sigset_t set = SignalSet({SIGUSR1});
  EXPECT_ERRNO(EINTR, sigwaitinfo(&set, nullptr));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalQueueTest, SigtimedwaitTakesEvenUnblockedSignalsInPreferenceToTheirHandler) {
  static std::atomic<int> handled;
  handled = 0;
  ScopedAction action(SIGUSR1, [](int) { ++handled; });
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  const sigset_t set = SignalSet({SIGUSR1});
  EXPECT_EQ(sigwaitinfo(&set, nullptr), SIGUSR1);
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalQueueTest, TgkillReachesTheNamedThreadOnly) {
  ScopedBlock block({SIGUSR1});
  Channel<pid_t> tids;
  Channel<> go;
  std::thread other([&] {
    tids.Send(GetTid());
    go.Receive();
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
    const siginfo_t info = TakePending(SignalSet({SIGUSR1}));
    EXPECT_EQ(info.si_code, SI_TKILL);
    EXPECT_EQ(info.si_pid, getpid());
  });
  ASSERT_EQ(syscall(SYS_tgkill, getpid(), tids.Receive(), SIGUSR1), 0);
  sigset_t pending;
  ASSERT_EQ(sigpending(&pending), 0);
  EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
  go.Send();
  other.join();
}

TEST_F(SignalQueueTest, ProcessSignalIsPendingForEveryThread) {
  ScopedBlock block({SIGUSR1});
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  std::thread([] {
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
    EXPECT_EQ(TakePending(SignalSet({SIGUSR1})).si_code, SI_USER);
  }).join();
  EXPECT_EQ(TakePending(SignalSet({SIGUSR1})).si_signo, 0);
}

TEST_F(SignalQueueTest, ProcessSignalGoesToAThreadThatDoesNotBlockIt) {
  static std::atomic<pid_t> handler_tid;
  handler_tid = 0;
  ScopedAction action(SIGUSR1, [](int) { handler_tid = GetTid(); });
  Channel<pid_t> tids;
  Channel<> stop;
  std::thread other([&] {  // Created before the main thread blocks the signal.
    tids.Send(GetTid());
    stop.Receive();
  });
  ScopedBlock block({SIGUSR1});
  const pid_t tid = tids.Receive();
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  EXPECT_TRUE(Eventually([&] { return handler_tid == tid; }));
  stop.Send();
  other.join();
}

TEST_F(SignalQueueTest, PthreadSigqueueCarriesAValueToAThread) {
  ScopedBlock block({SIGUSR1});
  Channel<> go;
  std::thread other([&] {
    const sigset_t set = SignalSet({SIGUSR1});
    siginfo_t info = {};
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
    EXPECT_EQ(info.si_value.sival_int, 88);
    EXPECT_EQ(info.si_code, SI_QUEUE);
  });
  EXPECT_EQ(pthread_sigqueue(other.native_handle(), SIGUSR1, Value(88)), 0);
  other.join();
}

TEST_F(SignalQueueTest, QueueinfoKeepsWhatTheCallerSays) {
  ScopedBlock block({SIGUSR1});
  siginfo_t sent = {};
  sent.si_code = -10;  // Any negative code but SI_TKILL is free for everybody.
  sent.si_pid = 4321;
  sent.si_value.sival_int = 6;
  ASSERT_EQ(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &sent), 0);
  const siginfo_t info = TakePending(SignalSet({SIGUSR1}));
  EXPECT_EQ(info.si_signo, SIGUSR1);
  EXPECT_EQ(info.si_code, -10);
  EXPECT_EQ(info.si_pid, 4321);
  EXPECT_EQ(info.si_value.sival_int, 6);
}

TEST_F(SignalQueueTest, QueueinfoToOthersMayNotPretendToBeTheKernel) {
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  siginfo_t sent = {};
  for (const int code : {int{SI_USER}, int{SI_KERNEL}, int{SI_TKILL}}) {
    sent.si_code = code;
    EXPECT_ERRNO(EPERM, syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &sent));
    EXPECT_ERRNO(EPERM, syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGUSR1, &sent));
  }
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalQueueTest, QueueBeyondTheLimitFailsWithEagain) {
  const int number = SIGRTMIN + 3;
  EXPECT_EQ(RunInChild([&] {
              ScopedBlock block({number, SIGUSR1});
              const rlimit limit = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
              CHILD_CHECK_ERRNO(EAGAIN, sigqueue(getpid(), number, Value(1)));
              // kill() needs no room in the queue: the signal arrives without information.
              CHILD_CHECK(kill(getpid(), SIGUSR1) == 0);
              CHILD_CHECK(TakePending(SignalSet({SIGUSR1})).si_signo == SIGUSR1);
            }),
            "exited 0");
}

TEST_F(SignalQueueTest, LimitCountsPendingSignals) {
  const int number = SIGRTMIN + 3;
  EXPECT_EQ(RunInChild([&] {
              if (geteuid() == 0) {  // A user with nothing else queued.
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              ScopedBlock block({number});
              const rlimit limit = {1000, 1000};
              CHILD_CHECK(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
              int queued = 0;
              while (queued <= 1000 && sigqueue(getpid(), number, Value(queued)) == 0) {
                ++queued;
              }
              CHILD_CHECK(queued <= 1000 && queued > 900 && errno == EAGAIN);
              CHILD_CHECK(TakePending(SignalSet({number})).si_value.sival_int == 0);
              CHILD_CHECK(sigqueue(getpid(), number, Value(0)) == 0);
              signal(number, SIG_IGN);
            }),
            "exited 0");
}

TEST_F(SignalQueueTest, BadArgumentsAreRefused) {
  const sigset_t set = SignalSet({SIGUSR1});
  siginfo_t info = {};
  info.si_code = SI_QUEUE;
  auto* bad = reinterpret_cast<void*>(8);
  const timespec negative = {-1, 0}, overfull = {0, 1'000'000'000};
  EXPECT_ERRNO(EINVAL, sigtimedwait(&set, nullptr, &negative));
  EXPECT_ERRNO(EINVAL, sigtimedwait(&set, nullptr, &overfull));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigtimedwait, &set, nullptr, nullptr, 4));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigtimedwait, bad, nullptr, nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigtimedwait, &set, nullptr, bad, 8));
  EXPECT_ERRNO(EINVAL, sigqueue(getpid(), 65, Value(0)));
  EXPECT_ERRNO(EINVAL, sigqueue(getpid(), -1, Value(0)));
  EXPECT_ERRNO(ESRCH, sigqueue(0x3fffff, SIGUSR1, Value(0)));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, bad));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_tgsigqueueinfo, 0, GetTid(), SIGUSR1, &info));
  EXPECT_ERRNO(ESRCH, syscall(SYS_rt_tgsigqueueinfo, 0x3fffff, GetTid(), SIGUSR1, &info));
}

TEST_F(SignalQueueTest, TgkillRefusesBadArguments) {
  const pid_t pid = getpid(), tid = GetTid();
  EXPECT_EQ(syscall(SYS_tgkill, pid, tid, 0), 0);
  EXPECT_EQ(syscall(SYS_tkill, tid, 0), 0);
  EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, 0, tid, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, pid, 0, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, -1, tid, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, pid, tid, 65));
  EXPECT_ERRNO(ESRCH, syscall(SYS_tgkill, pid, 0x3fffff, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tkill, 0, 0));
  EXPECT_ERRNO(ESRCH, syscall(SYS_tkill, 0x3fffff, 0));
  // The thread must be one of that process.
  EXPECT_EQ(
      RunInChild([] { CHILD_CHECK_ERRNO(ESRCH, syscall(SYS_tgkill, getppid(), GetTid(), 0)); }),
      "exited 0");
}

}  // namespace
}  // namespace compat

// Errnos not provoked here:
// - EPERM of another user's process: process_group_test.cc.
