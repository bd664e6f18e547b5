// Stopping and continuing: SIGSTOP, SIGTSTP, SIGCONT, how parents see it, and orphaned groups.

#include <sys/prctl.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class StopContinueTest : public DeadlineTest {};

TEST_F(StopContinueTest, StopIsSeenWithWuntracedOnly) {
  const pid_t pid = ForkSleeper();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(ThreadState(pid, pid), 'T');
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  KillAndWait(pid);
}

TEST_F(StopContinueTest, EachStopIsReportedOnce) {
  const pid_t pid = ForkSleeper();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(waitpid(pid, nullptr, WUNTRACED | WNOHANG), 0);
  ASSERT_EQ(kill(pid, SIGSTOP), 0);  // Stopped already: nothing new.
  EXPECT_EQ(waitpid(pid, nullptr, WUNTRACED | WNOHANG), 0);
  KillAndWait(pid);
}

TEST_F(StopContinueTest, ContinuationIsReportedOnce) {
  const pid_t pid = ForkSleeper();
  kill(pid, SIGSTOP);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_EQ(WaitFor(pid, WCONTINUED), "continued");
  EXPECT_EQ(waitpid(pid, nullptr, WCONTINUED | WNOHANG), 0);
  ASSERT_EQ(kill(pid, SIGCONT), 0);  // Running already.
  EXPECT_EQ(waitpid(pid, nullptr, WCONTINUED | WNOHANG), 0);
  KillAndWait(pid);
}

// The next one and StopOfAGroup use groups with a parent outside them, itself no init: terminal
// stops do nothing in an orphaned group, and the test may run in one.
TEST_F(StopContinueTest, StopSignalsOfTheTerminalStopByDefault) {
  EXPECT_EQ(RunInChild([] {
              for (const int number : {SIGTSTP, SIGTTIN, SIGTTOU}) {
                const pid_t pid = ForkSleeper();
                CHILD_CHECK(setpgid(pid, pid) == 0);
                CHILD_CHECK(kill(pid, number) == 0);
                CHILD_CHECK(WaitFor(pid, WUNTRACED) == "stopped by " + std::to_string(number));
                CHILD_CHECK(kill(pid, SIGCONT) == 0);
                CHILD_CHECK(WaitFor(pid, WCONTINUED) == "continued");
                CHILD_CHECK(KillAndWait(pid) == "killed by 9");
              }
            }),
            "exited 0");
}

TEST_F(StopContinueTest, HandledTerminalStopDoesNotStop) {
  EXPECT_EQ(RunInChild([] {
              signal(SIGTSTP, [](int) { _exit(4); });
              raise(SIGTSTP);
            }),
            "exited 4");
}

TEST_F(StopContinueTest, StopOfOneselfTakesEffectAtOnce) {
  Shared<std::atomic<int>> after;
  const pid_t pid = ForkChild([&] {
    raise(SIGSTOP);
    *after = 1;
  });
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(*after, 0);
  kill(pid, SIGCONT);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(*after, 1);
}

TEST_F(StopContinueTest, StopHaltsBusyThreads) {
  Shared<std::atomic<int64_t>> counter;
  const pid_t pid = ForkChild([&] {
    for (int i = 0; i < 2; ++i) {
      std::thread([&] {
        for (;;) {
          ++*counter;
        }
      }).detach();
    }
    pause();
  });
  EXPECT_TRUE(Eventually([&] { return *counter > 1000; }));
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  const int64_t at_stop = *counter;
  SleepNs(20 * kMillisecondNs);
  EXPECT_EQ(*counter, at_stop);
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_TRUE(Eventually([&] { return *counter > at_stop; }));
  KillAndWait(pid);
}

TEST_F(StopContinueTest, KillEndsAStoppedProcess) {
  const pid_t pid = ForkSleeper();
  kill(pid, SIGSTOP);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  EXPECT_EQ(KillAndWait(pid), "killed by 9");
}

TEST_F(StopContinueTest, OtherSignalsWaitUntilTheContinuation) {
  const pid_t pid = ForkSleeper();
  kill(pid, SIGSTOP);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  ASSERT_EQ(kill(pid, SIGTERM), 0);
  SleepNs(5 * kMillisecondNs);
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  EXPECT_EQ(ThreadState(pid, pid), 'T');
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_EQ(WaitFor(pid), "killed by 15");
}

TEST_F(StopContinueTest, ContinuationDiscardsPendingStops) {
  EXPECT_EQ(RunInChild([] {
              ScopedBlock block({SIGTSTP, SIGTTIN});
              raise(SIGTSTP);
              raise(SIGTTIN);
              raise(SIGCONT);
              sigset_t pending;
              sigpending(&pending);
              CHILD_CHECK(sigismember(&pending, SIGTSTP) == 0);
              CHILD_CHECK(sigismember(&pending, SIGTTIN) == 0);
            }),
            "exited 0");
}

TEST_F(StopContinueTest, StopDiscardsAPendingContinuation) {
  EXPECT_EQ(RunInChild([] {
              signal(SIGCONT, [](int) {});
              ScopedBlock block({SIGCONT, SIGTSTP});
              raise(SIGCONT);
              raise(SIGTSTP);
              sigset_t pending;
              sigpending(&pending);
              CHILD_CHECK(sigismember(&pending, SIGCONT) == 0);
              CHILD_CHECK(sigismember(&pending, SIGTSTP) == 1);
              signal(SIGTSTP, SIG_IGN);
            }),
            "exited 0");
}

TEST_F(StopContinueTest, HandlerOfContinuationRuns) {
  const pid_t pid = ForkChild([] {
    signal(SIGCONT, [](int) { _exit(6); });
    raise(SIGSTOP);
    pause();
  });
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  kill(pid, SIGCONT);
  EXPECT_EQ(WaitFor(pid), "exited 6");
}

TEST_F(StopContinueTest, BlockedContinuationStillContinues) {
  const pid_t pid = ForkChild([] {
    const sigset_t set = SignalSet({SIGCONT});
    sigprocmask(SIG_BLOCK, &set, nullptr);
    raise(SIGSTOP);
    return 7;
  });
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  kill(pid, SIGCONT);
  EXPECT_EQ(WaitFor(pid), "exited 7");
}

TEST_F(StopContinueTest, StopOfAGroupStopsEveryMember) {
  EXPECT_EQ(RunInChild([] {
              const pid_t first = ForkSleeper();
              const pid_t second = ForkSleeper();
              CHILD_CHECK(setpgid(first, first) == 0);
              CHILD_CHECK(setpgid(second, first) == 0);
              CHILD_CHECK(kill(-first, SIGTSTP) == 0);
              CHILD_CHECK(WaitFor(first, WUNTRACED) == "stopped by 20");
              CHILD_CHECK(WaitFor(second, WUNTRACED) == "stopped by 20");
              CHILD_CHECK(kill(-first, SIGCONT) == 0);
              CHILD_CHECK(WaitFor(first, WCONTINUED) == "continued");
              CHILD_CHECK(WaitFor(second, WCONTINUED) == "continued");
              KillAndWait(first);
              KillAndWait(second);
            }),
            "exited 0");
}

TEST_F(StopContinueTest, StoppedReadGoesOnAfterTheContinuation) {
  Pipe pipe;
  const pid_t pid = ForkChild([&] {
    char byte = 0;
    CHILD_CHECK(read(pipe.reader.get(), &byte, 1) == 1);
    return byte;
  });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  kill(pid, SIGSTOP);
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  kill(pid, SIGCONT);
  ASSERT_EQ(write(pipe.writer.get(), "\x2a", 1), 1);
  EXPECT_EQ(WaitFor(pid), "exited 42");
}

TEST_F(StopContinueTest, TerminalStopsDoNothingInAnOrphanedGroup) {
  // A group without a member whose parent is in another group of the session has nobody who could
  // continue it, so it is not stopped. SIGSTOP stops all the same.
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(setsid() > 0);
              CHILD_CHECK(raise(SIGTSTP) == 0);
              CHILD_CHECK(raise(SIGTTIN) == 0);
              return 8;
            }),
            "exited 8");
  const pid_t pid = ForkChild([] {
    setsid();
    raise(SIGSTOP);
    return 9;
  });
  EXPECT_EQ(WaitFor(pid, WUNTRACED), "stopped by 19");
  kill(pid, SIGCONT);
  EXPECT_EQ(WaitFor(pid), "exited 9");
}

TEST_F(StopContinueTest, GroupOrphanedWhileStoppedGetsHangupAndContinuation) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
              Channel<pid_t> pids;
              const pid_t parent = ForkChild([&] {
                CHILD_CHECK(setsid() > 0);
                const pid_t stopped = ForkSleeper();
                CHILD_CHECK(setpgid(stopped, stopped) == 0);
                kill(stopped, SIGSTOP);
                CHILD_CHECK(WaitFor(stopped, WUNTRACED) == "stopped by 19");
                pids.Send(stopped);
              });
              const pid_t stopped = pids.Receive();
              CHILD_CHECK(WaitFor(parent) == "exited 0");
              CHILD_CHECK(WaitFor(stopped) == "killed by 1");
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat
