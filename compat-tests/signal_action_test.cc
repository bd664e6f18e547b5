// sigaction(2) and its flags, sigprocmask(2), sigpending(2), sigsuspend(2), sigaltstack(2).

#include <ucontext.h>

#include <algorithm>
#include <atomic>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class SignalActionTest : public DeadlineTest {};

std::atomic<int> g_count = 0;
std::atomic<int> g_depth = 0;
std::atomic<int> g_deepest = 0;

void CountSignal(int) { ++g_count; }

bool IsBlocked(int number) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, number) == 1;
}

bool IsPending(int number) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, number) == 1;
}

TEST_F(SignalActionTest, HandlerRunsBeforeRaiseReturns) {
  g_count = 0;
  ScopedAction action(SIGUSR1, CountSignal);
  ASSERT_EQ(raise(SIGUSR1), 0);
  EXPECT_EQ(g_count, 1);
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  EXPECT_EQ(g_count, 2);
}

TEST_F(SignalActionTest, OldActionIsReturnedWithFlagsAndMask) {
  ScopedAction scoped(SIGUSR1, SIG_DFL);
  struct sigaction action = {}, old = {};
  action.sa_handler = CountSignal;
  action.sa_flags = SA_RESTART | SA_NODEFER;
  action.sa_mask = SignalSet({SIGUSR2, SIGRTMAX});
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  EXPECT_EQ(old.sa_handler, SIG_DFL);
  ASSERT_EQ(sigaction(SIGUSR1, nullptr, &old), 0);
  EXPECT_EQ(old.sa_handler, CountSignal);
  EXPECT_EQ(old.sa_flags & (SA_RESTART | SA_NODEFER | SA_SIGINFO), SA_RESTART | SA_NODEFER);
  EXPECT_EQ(sigismember(&old.sa_mask, SIGUSR2), 1);
  EXPECT_EQ(sigismember(&old.sa_mask, SIGRTMAX), 1);
  EXPECT_EQ(sigismember(&old.sa_mask, SIGTERM), 0);
}

TEST_F(SignalActionTest, SignalIsBlockedWhileItsHandlerRuns) {
  static bool blocked, other_blocked;
  ScopedAction action(SIGUSR1, [](int) {
    blocked = IsBlocked(SIGUSR1);
    other_blocked = IsBlocked(SIGUSR2);
  });
  raise(SIGUSR1);
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(other_blocked);
  EXPECT_FALSE(IsBlocked(SIGUSR1));
}

TEST_F(SignalActionTest, ActionMaskIsAddedWhileTheHandlerRuns) {
  static bool blocked;
  ScopedBlock block({SIGTERM});
  ScopedAction scoped(SIGUSR1, SIG_DFL);
  struct sigaction action = {};
  action.sa_handler = [](int) {
    blocked = IsBlocked(SIGUSR1) && IsBlocked(SIGUSR2) && IsBlocked(SIGTERM);
  };
  action.sa_mask = SignalSet({SIGUSR2});
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  raise(SIGUSR1);
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(IsBlocked(SIGUSR2));
  EXPECT_TRUE(IsBlocked(SIGTERM));
}

void Nest(int) {
  g_deepest = std::max(g_deepest.load(), ++g_depth);
  if (++g_count < 3) {
    raise(SIGUSR1);
  }
  --g_depth;
}

TEST_F(SignalActionTest, SignalRaisedInItsHandlerWaitsForTheHandlersEnd) {
  g_count = g_depth = g_deepest = 0;
  ScopedAction action(SIGUSR1, Nest);
  raise(SIGUSR1);
  EXPECT_EQ(g_count, 3);
  EXPECT_EQ(g_deepest, 1);
}

TEST_F(SignalActionTest, NodeferLetsTheHandlerInterruptItself) {
  g_count = g_depth = g_deepest = 0;
  ScopedAction action(SIGUSR1, Nest, SA_NODEFER);
  raise(SIGUSR1);
  EXPECT_EQ(g_count, 3);
  EXPECT_EQ(g_deepest, 3);
}

TEST_F(SignalActionTest, NodeferWithTheSignalInTheMaskBlocksItAllTheSame) {
  g_count = g_depth = g_deepest = 0;
  ScopedAction scoped(SIGUSR1, SIG_DFL);
  struct sigaction action = {};
  action.sa_handler = Nest;
  action.sa_flags = SA_NODEFER;
  action.sa_mask = SignalSet({SIGUSR1});
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  raise(SIGUSR1);
  EXPECT_EQ(g_deepest, 1);
}

TEST_F(SignalActionTest, ResethandRestoresTheDefaultBeforeTheHandlerRuns) {
  static bool is_default;
  ScopedAction action(
      SIGUSR1,
      [](int) {
        struct sigaction now = {};
        sigaction(SIGUSR1, nullptr, &now);
        is_default = now.sa_handler == SIG_DFL;
      },
      static_cast<int>(SA_RESETHAND));
  raise(SIGUSR1);
  EXPECT_TRUE(is_default);
  EXPECT_EQ(RunInChild([] {
              signal(SIGUSR1, SIG_DFL);
              struct sigaction once = {};
              once.sa_handler = CountSignal;
              once.sa_flags = static_cast<int>(SA_RESETHAND);
              sigaction(SIGUSR1, &once, nullptr);
              raise(SIGUSR1);
              raise(SIGUSR1);
            }),
            "killed by 10");
}

TEST_F(SignalActionTest, SiginfoSaysWhoSentTheSignal) {
  static siginfo_t seen;
  ScopedAction action(SIGUSR1, [](int, siginfo_t* info, void*) { seen = *info; });
  kill(getpid(), SIGUSR1);
  EXPECT_EQ(seen.si_signo, SIGUSR1);
  EXPECT_EQ(seen.si_code, SI_USER);
  EXPECT_EQ(seen.si_errno, 0);
  EXPECT_EQ(seen.si_pid, getpid());
  EXPECT_EQ(seen.si_uid, getuid());
  syscall(SYS_tgkill, getpid(), GetTid(), SIGUSR1);
  EXPECT_EQ(seen.si_code, SI_TKILL);
  EXPECT_EQ(seen.si_pid, getpid());
}

TEST_F(SignalActionTest, ContextHoldsTheInterruptedMask) {
  static bool usr2_blocked, usr1_blocked;
  ScopedBlock block({SIGUSR2});
  ScopedAction action(SIGUSR1, [](int, siginfo_t*, void* context) {
    const sigset_t& mask = static_cast<ucontext_t*>(context)->uc_sigmask;
    usr1_blocked = sigismember(&mask, SIGUSR1) == 1;
    usr2_blocked = sigismember(&mask, SIGUSR2) == 1;
  });
  raise(SIGUSR1);
  EXPECT_FALSE(usr1_blocked);
  EXPECT_TRUE(usr2_blocked);
}

TEST_F(SignalActionTest, MaskEditedInTheContextHoldsAfterTheHandler) {
  ScopedBlock restore({});
  ScopedAction action(SIGUSR1, [](int, siginfo_t*, void* context) {
    sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, SIGUSR2);
  });
  EXPECT_FALSE(IsBlocked(SIGUSR2));
  raise(SIGUSR1);
  EXPECT_TRUE(IsBlocked(SIGUSR2));
}

TEST_F(SignalActionTest, ErrnoIsTheHandlersToKeep) {
  ScopedAction action(SIGUSR1, [](int) { errno = EXDEV; });
  errno = 0;
  raise(SIGUSR1);
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(SignalActionTest, IgnoringAPendingSignalDiscardsIt) {
  ScopedBlock block({SIGUSR1});
  ScopedAction action(SIGUSR1, CountSignal);
  raise(SIGUSR1);
  EXPECT_TRUE(IsPending(SIGUSR1));
  signal(SIGUSR1, SIG_IGN);
  EXPECT_FALSE(IsPending(SIGUSR1));
}

TEST_F(SignalActionTest, DefaultActionOfAnIgnoredByDefaultSignalDiscardsItToo) {
  ScopedBlock block({SIGURG});
  ScopedAction action(SIGURG, CountSignal);
  raise(SIGURG);
  EXPECT_TRUE(IsPending(SIGURG));
  signal(SIGURG, SIG_DFL);
  EXPECT_FALSE(IsPending(SIGURG));
}

TEST_F(SignalActionTest, BlockedStandardSignalIsDeliveredOnce) {
  g_count = 0;
  ScopedAction action(SIGUSR1, CountSignal);
  {
    ScopedBlock block({SIGUSR1});
    for (int i = 0; i < 5; ++i) {
      raise(SIGUSR1);
    }
    EXPECT_TRUE(IsPending(SIGUSR1));
    EXPECT_EQ(g_count, 0);
  }
  EXPECT_EQ(g_count, 1);
  EXPECT_FALSE(IsPending(SIGUSR1));
}

TEST_F(SignalActionTest, BlockedIgnoredSignalStaysPending) {
  // It might be handled by the time it is unblocked.
  ScopedAction action(SIGUSR1, SIG_IGN);
  ScopedBlock block({SIGUSR1});
  raise(SIGUSR1);
  EXPECT_TRUE(IsPending(SIGUSR1));
}

TEST_F(SignalActionTest, ProcmaskOperations) {
  ScopedBlock restore({});
  const sigset_t first = SignalSet({SIGUSR1}), second = SignalSet({SIGUSR2});
  sigset_t old;
  ASSERT_EQ(sigprocmask(SIG_SETMASK, &first, nullptr), 0);
  ASSERT_EQ(sigprocmask(SIG_BLOCK, &second, &old), 0);
  EXPECT_EQ(sigismember(&old, SIGUSR1), 1);
  EXPECT_EQ(sigismember(&old, SIGUSR2), 0);
  EXPECT_TRUE(IsBlocked(SIGUSR1) && IsBlocked(SIGUSR2));
  ASSERT_EQ(sigprocmask(SIG_UNBLOCK, &first, nullptr), 0);
  EXPECT_TRUE(!IsBlocked(SIGUSR1) && IsBlocked(SIGUSR2));
  ASSERT_EQ(sigprocmask(12345, nullptr, &old), 0);  // The operation is not looked at.
}

TEST_F(SignalActionTest, KillAndStopCannotBeBlocked) {
  ScopedBlock restore({});
  sigset_t all;
  sigfillset(&all);
  ASSERT_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, 8), 0);
  EXPECT_FALSE(IsBlocked(SIGKILL));
  EXPECT_FALSE(IsBlocked(SIGSTOP));
  EXPECT_TRUE(IsBlocked(SIGTERM));
}

TEST_F(SignalActionTest, SigsuspendSwapsTheMaskForTheWait) {
  g_count = 0;
  static bool usr2_blocked;
  ScopedBlock block({SIGUSR1});
  ScopedAction action(SIGUSR1, [](int) {
    ++g_count;
    usr2_blocked = IsBlocked(SIGUSR2);
  });
  raise(SIGUSR1);
  const sigset_t during = SignalSet({SIGUSR2});
  EXPECT_ERRNO(EINTR, sigsuspend(&during));
  EXPECT_EQ(g_count, 1);
  EXPECT_TRUE(usr2_blocked);
  EXPECT_TRUE(IsBlocked(SIGUSR1));
  EXPECT_FALSE(IsBlocked(SIGUSR2));
}

TEST_F(SignalActionTest, PauseReturnsAfterAHandler) {
  ScopedAction action(SIGUSR1, CountSignal);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  EXPECT_ERRNO(EINTR, pause());
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalActionTest, HandlersOfSignalsPendingTogetherRunFromTheHighestNumber) {
  // Frames are set up from the lowest number, one on top of the other; the last one runs first.
  static int order[3];
  g_count = 0;
  const auto record = [](int number) { order[g_count++] = number; };
  ScopedAction a(SIGUSR1, record), b(SIGUSR2, record), c(SIGTERM, record);
  {
    ScopedBlock block({SIGUSR1, SIGUSR2, SIGTERM});
    raise(SIGTERM);
    raise(SIGUSR2);
    raise(SIGUSR1);
  }
  EXPECT_EQ(order[0], SIGTERM);
  EXPECT_EQ(order[1], SIGUSR2);
  EXPECT_EQ(order[2], SIGUSR1);
}

TEST_F(SignalActionTest, ReservedSignalsCannotBeChanged) {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  EXPECT_ERRNO(EINVAL, sigaction(SIGKILL, &action, nullptr));
  EXPECT_ERRNO(EINVAL, sigaction(SIGSTOP, &action, nullptr));
  EXPECT_EQ(sigaction(SIGKILL, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_F(SignalActionTest, BadArgumentsAreRefused) {
  sigset_t set = SignalSet({});
  auto* bad = reinterpret_cast<void*>(8);
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 0, nullptr, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 65, nullptr, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, nullptr, nullptr, 4));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, bad, nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, nullptr, bad, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, 3, &set, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 16));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, bad, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigpending, bad, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigpending, &set, 9));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigsuspend, bad, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigsuspend, &set, 7));
}

}  // namespace
}  // namespace compat

// Not here: SA_NOCLDSTOP and SA_NOCLDWAIT (sigchld_test.cc), SA_RESTART (signal_restart_test.cc),
// SA_ONSTACK (signal_stack_test.cc).
