// SIGCHLD: when it comes, what it says, and how it is silenced (SA_NOCLDSTOP, SA_NOCLDWAIT,
// SIG_IGN).

#include <sys/resource.h>

#include <atomic>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

// SIGCHLD is blocked and has a handler (a blocked signal whose action is to ignore it is dropped).
class SigchldTest : public DeadlineTest {
 protected:
  // Takes the next SIGCHLD; a siginfo of zeros when none is pending.
  siginfo_t Take(int64_t within_ns = 20 * kSecondNs) {
    const sigset_t set = SignalSet({SIGCHLD});
    const timespec limit = ToTimespec(within_ns);
    siginfo_t info = {};
    int result = 0;
    do {
      result = sigtimedwait(&set, &info, &limit);
    } while (result == -1 && errno == EINTR);
    return result == SIGCHLD ? info : siginfo_t{};
  }

  void SetHandler(int flags) {
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    action.sa_flags = flags;
    ASSERT_EQ(sigaction(SIGCHLD, &action, nullptr), 0);
  }

  ScopedAction action_{SIGCHLD, [](int) {}};
  ScopedBlock block_{SIGCHLD};
};

TEST_F(SigchldTest, ExitIsReportedWithItsStatus) {
  const pid_t pid = ForkChild([] { return 7; });
  const siginfo_t info = Take();
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_uid, getuid());
  EXPECT_EQ(info.si_status, 7);
  EXPECT_EQ(WaitFor(pid), "exited 7");
}

TEST_F(SigchldTest, KillIsReportedWithItsSignal) {
  const pid_t pid = ForkChild([] { raise(SIGKILL); });
  const siginfo_t info = Take();
  EXPECT_EQ(info.si_code, CLD_KILLED);
  EXPECT_EQ(info.si_status, SIGKILL);
  WaitFor(pid);
}

TEST_F(SigchldTest, AbortWithoutACoreFileIsReportedAsKilled) {
  const pid_t pid = ForkChild([] {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
  });
  const siginfo_t info = Take();
  EXPECT_EQ(info.si_code, CLD_KILLED);
  EXPECT_EQ(info.si_status, SIGABRT);
  WaitFor(pid);
}

TEST_F(SigchldTest, TimesOfTheChildAreReported) {
  const pid_t pid = ForkChild([] {
    while (NowNs(CLOCK_PROCESS_CPUTIME_ID) < 300 * kMillisecondNs) {
    }
  });
  // Ticks of 10 ms, and sampled ones at that: thirty is what to expect, one is certain.
  const siginfo_t info = Take();
  EXPECT_GE(info.si_utime + info.si_stime, 1);
  WaitFor(pid);
}

TEST_F(SigchldTest, StopAndContinueAreReported) {
  const pid_t pid = ForkChild([] {
    raise(SIGSTOP);
    pause();
  });
  siginfo_t info = Take();
  EXPECT_EQ(info.si_code, CLD_STOPPED);
  EXPECT_EQ(info.si_status, SIGSTOP);
  EXPECT_EQ(info.si_pid, pid);
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  info = Take();
  EXPECT_EQ(info.si_code, CLD_CONTINUED);
  EXPECT_EQ(info.si_status, SIGCONT);
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  info = Take();
  EXPECT_EQ(info.si_code, CLD_KILLED);
  WaitFor(pid);
}

TEST_F(SigchldTest, NocldstopSilencesStopsAndContinues) {
  SetHandler(SA_NOCLDSTOP);
  const pid_t pid = ForkChild([] {
    raise(SIGSTOP);
    pause();
  });
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_EQ(WaitFor(pid, WCONTINUED), "continued");
  EXPECT_EQ(Take(0).si_signo, 0);
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_EQ(Take().si_code, CLD_KILLED);
  WaitFor(pid);
}

TEST_F(SigchldTest, NocldwaitLeavesNoZombieButStillSignals) {
  SetHandler(SA_NOCLDWAIT);
  const pid_t pid = ForkChild([] { return 3; });
  EXPECT_EQ(Take().si_pid, pid);
  EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, 0));
}

TEST_F(SigchldTest, IgnoringItLeavesNoZombieAndNoSignal) {
  signal(SIGCHLD, SIG_IGN);
  const pid_t pid = ForkChild([] { return 3; });
  EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, 0));
  EXPECT_EQ(Take(0).si_signo, 0);
}

TEST_F(SigchldTest, WaitOfAnIgnorerBlocksUntilTheLastChildEnds) {
  signal(SIGCHLD, SIG_IGN);
  Shared<std::atomic<int>> ended;
  const pid_t me = getpid();
  for (int i = 0; i < 3; ++i) {
    ForkChild([&] {
      WaitUntilAsleep(me);
      ++*ended;
    });
  }
  EXPECT_ERRNO(ECHILD, wait(nullptr));
  EXPECT_EQ(*ended, 3);
}

TEST_F(SigchldTest, IgnoringItAfterTheEndKeepsTheZombie) {
  const pid_t pid = ForkChild([] { return 4; });
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(WaitFor(pid), "exited 4");
}

TEST_F(SigchldTest, SeveralEndsMayBecomeOnePendingSignal) {
  pid_t pids[5];
  for (pid_t& pid : pids) {
    pid = ForkChild([] {});
  }
  siginfo_t info;
  for (const pid_t pid : pids) {
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  }
  EXPECT_EQ(Take().si_signo, SIGCHLD);
  EXPECT_EQ(Take(0).si_signo, 0);
  for (const pid_t pid : pids) {
    EXPECT_EQ(WaitFor(pid), "exited 0");
  }
}

TEST_F(SigchldTest, HandlerRunsAndMayWait) {
  static volatile pid_t waited = 0;
  static volatile int status = 0;
  ScopedAction action(SIGCHLD, [](int) {
    int value = 0;
    waited = waitpid(-1, &value, WNOHANG);
    status = value;
  });
  const pid_t pid = ForkChild([] { return 9; });
  const sigset_t none = SignalSet({});
  EXPECT_ERRNO(EINTR, sigsuspend(&none));
  EXPECT_EQ(waited, pid);
  EXPECT_EQ(DescribeStatus(status), "exited 9");
}

TEST_F(SigchldTest, DefaultActionKeepsZombiesAndInterruptsNothing) {
  signal(SIGCHLD, SIG_DFL);
  const sigset_t chld = SignalSet({SIGCHLD});
  sigset_t before;
  ASSERT_EQ(sigprocmask(SIG_UNBLOCK, &chld, &before), 0);
  Pipe pipe;
  const pid_t me = getpid();
  const pid_t first = ForkChild([&] { CHILD_CHECK(WaitUntilAsleep(me)); });
  const pid_t second = ForkChild([&] {
    CHILD_CHECK(Eventually([&] { return ThreadState(first, first) == 'Z'; }));
    CHILD_CHECK(WaitUntilAsleep(me));
    CHILD_CHECK(write(pipe.writer.get(), "x", 1) == 1);
  });
  char byte = 0;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 1);
  EXPECT_EQ(WaitFor(first), "exited 0");
  EXPECT_EQ(WaitFor(second), "exited 0");
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace compat
