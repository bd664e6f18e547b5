// exit(2), wait4(2), waitid(2): how processes end and how their parents learn of it.
// exit_group with threads, orphans and SIGCHLD are in exit_orphan_test.cc and sigchld_test.cc.

#include <sys/resource.h>

#include <climits>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class ExitWaitTest : public DeadlineTest {};

siginfo_t WaitId(idtype_t type, id_t id, int options) {
  siginfo_t info = {};
  while (waitid(type, id, &info, options) == -1 && errno == EINTR) {
  }
  return info;
}

TEST_F(ExitWaitTest, StatusIsTheLowByteOfTheExitCode) {
  EXPECT_EQ(RunInChild([] { _exit(0); }), "exited 0");
  EXPECT_EQ(RunInChild([] { _exit(255); }), "exited 255");
  EXPECT_EQ(RunInChild([] { _exit(256); }), "exited 0");
  EXPECT_EQ(RunInChild([] { _exit(-1); }), "exited 255");
  EXPECT_EQ(RunInChild([] { _exit(0x1234); }), "exited 52");
}

TEST_F(ExitWaitTest, StatusNamesTheFatalSignal) {
  for (const int number : {SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGVTALRM,
                           SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGRTMIN, SIGRTMAX}) {
    EXPECT_EQ(RunInChild([&] {
                signal(number, SIG_DFL);
                raise(number);
              }),
              "killed by " + std::to_string(number));
  }
}

TEST_F(ExitWaitTest, CoreFlagIsClearWhenTheLimitForbidsCoreFiles) {
  for (const int number :
       {SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ}) {
    EXPECT_EQ(RunInChild([&] {
                const rlimit none = {0, 0};
                CHILD_CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
                signal(number, SIG_DFL);
                raise(number);
              }),
              "killed by " + std::to_string(number));
  }
}

TEST_F(ExitWaitTest, SignalsIgnoredByDefaultDoNotEndTheProcess) {
  EXPECT_EQ(RunInChild([] {
              for (const int number : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT}) {
                CHILD_CHECK(raise(number) == 0);
              }
              return 3;
            }),
            "exited 3");
}

TEST_F(ExitWaitTest, WaitBlocksUntilTheChildEnds) {
  Channel<> go;
  const pid_t me = getpid();
  const pid_t child = ForkChild([&] {
    go.Receive();
    return 1;
  });
  const pid_t helper = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    go.Send();
  });
  EXPECT_EQ(WaitFor(child), "exited 1");
  EXPECT_EQ(WaitFor(helper), "exited 0");
}

TEST_F(ExitWaitTest, WnohangReturnsZeroWhileTheChildLives) {
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  int status = 77;
  EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
  EXPECT_EQ(status, 77);
  siginfo_t info;
  memset(&info, 0xff, sizeof(info));
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG), 0);
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(info.si_signo, 0);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(ExitWaitTest, WaitForAnyChildTakesEachOnce) {
  const pid_t first = ForkChild([] { return 1; });
  const pid_t second = ForkChild([] { return 2; });
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    int status = 0;
    const pid_t pid = wait(&status);
    EXPECT_TRUE(pid == first || pid == second);
    sum += WEXITSTATUS(status);
  }
  EXPECT_EQ(sum, 3);
  EXPECT_ERRNO(ECHILD, wait(nullptr));
}

TEST_F(ExitWaitTest, WaitForAGroupIgnoresOtherChildren) {
  Channel<> go;
  const pid_t other = ForkChild([] { return 1; });
  const pid_t member = ForkChild([&] {
    go.Receive();
    return 2;
  });
  ASSERT_EQ(setpgid(member, member), 0);
  EXPECT_EQ(waitpid(-member, nullptr, WNOHANG), 0);
  go.Send();
  int status = 0;
  EXPECT_EQ(waitpid(-member, &status, 0), member);
  EXPECT_EQ(DescribeStatus(status), "exited 2");
  EXPECT_ERRNO(ECHILD, waitpid(-member, nullptr, 0));
  // Zero means the caller's own group.
  EXPECT_EQ(waitpid(0, &status, 0), other);
}

TEST_F(ExitWaitTest, WaitidDescribesAnExit) {
  const pid_t pid = ForkChild([] { return 5; });
  const siginfo_t info = WaitId(P_PID, static_cast<id_t>(pid), WEXITED);
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_status, 5);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_uid, getuid());
}

TEST_F(ExitWaitTest, WaitidDescribesAKill) {
  const pid_t pid = ForkChild([] { raise(SIGKILL); });
  const siginfo_t info = WaitId(P_PID, static_cast<id_t>(pid), WEXITED);
  EXPECT_EQ(info.si_code, CLD_KILLED);
  EXPECT_EQ(info.si_status, SIGKILL);
}

TEST_F(ExitWaitTest, WaitidDescribesStopAndContinue) {
  Channel<> go;  // An end right after the continuation would take its place.
  const pid_t pid = ForkChild([&] {
    raise(SIGSTOP);
    go.Receive();
    return 6;
  });
  siginfo_t info = WaitId(P_PID, static_cast<id_t>(pid), WSTOPPED);
  EXPECT_EQ(info.si_code, CLD_STOPPED);
  EXPECT_EQ(info.si_status, SIGSTOP);
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  info = WaitId(P_PID, static_cast<id_t>(pid), WCONTINUED);
  EXPECT_EQ(info.si_code, CLD_CONTINUED);
  EXPECT_EQ(info.si_status, SIGCONT);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 6");
}

TEST_F(ExitWaitTest, WnowaitLeavesTheChildToBeWaitedForAgain) {
  const pid_t pid = ForkChild([] { return 7; });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(WaitId(P_PID, static_cast<id_t>(pid), WEXITED | WNOWAIT).si_status, 7);
  }
  EXPECT_EQ(WaitFor(pid), "exited 7");
  EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, 0));
}

TEST_F(ExitWaitTest, WaitidByGroupAndByAll) {
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    return 8;
  });
  ASSERT_EQ(setpgid(pid, pid), 0);
  go.Send();
  EXPECT_EQ(WaitId(P_PGID, static_cast<id_t>(pid), WEXITED | WNOWAIT).si_pid, pid);
  EXPECT_EQ(WaitId(P_ALL, 12345, WEXITED | WNOWAIT).si_pid, pid);
  EXPECT_EQ(WaitFor(pid), "exited 8");
}

TEST_F(ExitWaitTest, WaitidWithoutInfoPointerIsAllowedByTheKernel) {
  const pid_t pid = ForkChild([] { return 9; });
  rusage usage = {};
  EXPECT_EQ(syscall(SYS_waitid, P_PID, pid, nullptr, WEXITED | WNOWAIT, &usage), 0);
  EXPECT_GT(usage.ru_maxrss, 0);
  EXPECT_EQ(WaitFor(pid), "exited 9");
}

TEST_F(ExitWaitTest, ZombieStillHasAPidUntilItIsWaitedFor) {
  const pid_t pid = ForkChild([] {});
  WaitId(P_PID, static_cast<id_t>(pid), WEXITED | WNOWAIT);
  EXPECT_EQ(kill(pid, 0), 0);
  EXPECT_EQ(kill(pid, SIGKILL), 0);
  EXPECT_EQ(ThreadState(pid, pid), 'Z');
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_ERRNO(ESRCH, kill(pid, 0));
}

TEST_F(ExitWaitTest, AnyThreadMayWaitForAChildUnlessItAsksForItsOwn) {
  const pid_t pid = ForkChild([] { return 10; });
  std::thread([&] {
    EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, __WNOTHREAD));
    EXPECT_EQ(WaitFor(pid), "exited 10");
  }).join();
}

TEST_F(ExitWaitTest, ChildOfAnEndedThreadStaysAChildOfTheProcess) {
  Channel<> go;
  pid_t pid = 0;
  std::thread([&] {
    pid = ForkChild([&] {
      go.Receive();
      return 11;
    });
  }).join();
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 11");
}

TEST_F(ExitWaitTest, UsageOfTheChildIsReported) {
  const pid_t pid = ForkChild([] {
    while (NowNs(CLOCK_PROCESS_CPUTIME_ID) < 50 * kMillisecondNs) {
    }
  });
  rusage usage = {};
  int status = 0;
  EXPECT_EQ(wait4(pid, &status, 0, &usage), pid);
  EXPECT_GE(usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
            40'000);
  EXPECT_GT(usage.ru_maxrss, 0);
}

TEST_F(ExitWaitTest, UsageOfChildrenCountsOnlyThoseWaitedFor) {
  EXPECT_EQ(RunInChild([] {
              const pid_t pid = ForkChild([] {
                while (NowNs(CLOCK_PROCESS_CPUTIME_ID) < 50 * kMillisecondNs) {
                }
              });
              WaitId(P_PID, static_cast<id_t>(pid), WEXITED | WNOWAIT);
              rusage usage = {};
              CHILD_CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
              CHILD_CHECK(usage.ru_utime.tv_usec == 0 && usage.ru_stime.tv_usec == 0);
              CHILD_CHECK(WaitFor(pid) == "exited 0");
              CHILD_CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
              CHILD_CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 40'000);
            }),
            "exited 0");
}

TEST_F(ExitWaitTest, InterruptedWaitFailsWithEintr) {
  ScopedAction action(SIGUSR1, [](int) {});
  Channel<> go;
  const pid_t me = getpid();
  const pid_t child = ForkChild([&] { go.Receive(); });
  const pid_t killer = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  EXPECT_ERRNO(EINTR, waitpid(child, nullptr, 0));
  go.Send();
  EXPECT_EQ(WaitFor(child), "exited 0");
  EXPECT_EQ(WaitFor(killer), "exited 0");
}

TEST_F(ExitWaitTest, WithoutASuitableChildFailsWithEchild) {
  EXPECT_EQ(RunInChild([] {
              siginfo_t info;
              CHILD_CHECK_ERRNO(ECHILD, wait(nullptr));
              CHILD_CHECK_ERRNO(ECHILD, waitpid(-1, nullptr, WNOHANG));
              CHILD_CHECK_ERRNO(ECHILD, waitpid(getppid(), nullptr, 0));
              CHILD_CHECK_ERRNO(ECHILD, waitpid(getpid(), nullptr, 0));
              CHILD_CHECK_ERRNO(ECHILD, waitpid(-getpid(), nullptr, 0));
              CHILD_CHECK_ERRNO(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
              CHILD_CHECK_ERRNO(ECHILD, waitid(P_PID, 1, &info, WEXITED));
            }),
            "exited 0");
}

TEST_F(ExitWaitTest, GrandchildrenAreNotChildren) {
  Channel<pid_t> channel;
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    const pid_t grandchild = ForkChild([&] { go.Receive(); });
    channel.Send(grandchild);
    return WaitFor(grandchild) == "exited 0" ? 0 : 1;
  });
  EXPECT_ERRNO(ECHILD, waitpid(channel.Receive(), nullptr, 0));
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(ExitWaitTest, BadArgumentsAreRefused) {
  siginfo_t info;
  EXPECT_ERRNO(EINVAL, waitpid(-1, nullptr, 0x10));
  EXPECT_ERRNO(EINVAL, waitpid(-1, nullptr, WEXITED));
  EXPECT_ERRNO(ESRCH, waitpid(INT_MIN, nullptr, 0));
  EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &info, 0));
  EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &info, WNOHANG));
  EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &info, WEXITED | 0x100));
  EXPECT_ERRNO(EINVAL, syscall(SYS_waitid, 9, 0, &info, WEXITED, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_waitid, P_PID, 0, &info, WEXITED, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_waitid, P_PGID, -1, &info, WEXITED, nullptr));
}

TEST_F(ExitWaitTest, BadStatusPointerFailsWithEfaultAfterTheChildIsGone) {
  const pid_t pid = ForkChild([] {});
  EXPECT_ERRNO(EFAULT, waitpid(pid, reinterpret_cast<int*>(8), 0));
  EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, 0));
}

TEST_F(ExitWaitTest, WaitidClearsTheAnswerEvenWhenItFails) {
  EXPECT_EQ(RunInChild([] {
              siginfo_t info;
              memset(&info, 0xff, sizeof(info));
              CHILD_CHECK_ERRNO(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
              CHILD_CHECK(info.si_signo == 0 && info.si_pid == 0);
              CHILD_CHECK_ERRNO(EFAULT, syscall(SYS_waitid, P_ALL, 0, 8, WEXITED, nullptr));
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat

// Errnos of wait4(2) and waitid(2) not provoked here:
// - EBADF, EAGAIN of P_PIDFD: pidfd_test.cc.
