// Ends of processes with threads, orphans and their new parents, core files, and what the end of a
// process does to others.

#include <sys/prctl.h>
#include <sys/resource.h>

#include <thread>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class ExitOrphanTest : public DeadlineTest {};

void StartIdleThreads(int count) {
  for (int i = 0; i < count; ++i) {
    std::thread([] {
      for (;;) {
        pause();
      }
    }).detach();
  }
}

TEST_F(ExitOrphanTest, ExitGroupEndsAllThreads) {
  EXPECT_EQ(RunInChild([] {
              StartIdleThreads(10);
              return 5;
            }),
            "exited 5");
}

TEST_F(ExitOrphanTest, ExitGroupFromAnotherThreadEndsTheProcess) {
  EXPECT_EQ(RunInChild([] {
              StartIdleThreads(3);
              std::thread([] { _exit(6); }).detach();
              for (;;) {
                pause();
              }
            }),
            "exited 6");
}

TEST_F(ExitOrphanTest, ExitGroupEndsBusyThreads) {
  EXPECT_EQ(RunInChild([] {
              std::thread([] {
                volatile int counter = 0;
                for (;;) {
                  counter = counter + 1;
                }
              }).detach();
              return 7;
            }),
            "exited 7");
}

TEST_F(ExitOrphanTest, FatalSignalToOneThreadEndsTheProcess) {
  EXPECT_EQ(RunInChild([] {
              StartIdleThreads(3);
              std::thread([] { syscall(SYS_tgkill, getpid(), GetTid(), SIGUSR1); }).detach();
              for (;;) {
                pause();
              }
            }),
            "killed by 10");
}

TEST_F(ExitOrphanTest, ProcessOutlivesItsLeaderThread) {
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    std::thread([&] {
      go.Receive();
      _exit(8);
    }).detach();
    syscall(SYS_exit, 2);
  });
  // The leader is a zombie, the process is not: nothing can be waited for yet.
  EXPECT_TRUE(Eventually([&] { return ThreadState(pid, pid) == 'Z'; }));
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  EXPECT_EQ(kill(pid, 0), 0);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 8");
}

TEST_F(ExitOrphanTest, LastThreadsPlainExitGivesTheStatus) {
  EXPECT_EQ(RunInChild([] {
              std::thread([] {
                const pid_t me = getpid();
                Eventually([&] { return ThreadState(me, me) == 'Z'; });
                syscall(SYS_exit, 9);
              }).detach();
              syscall(SYS_exit, 3);
            }),
            "exited 9");
}

TEST_F(ExitOrphanTest, OneThreadsPlainExitLeavesTheOthersRunning) {
  EXPECT_EQ(RunInChild([] {
              Channel<pid_t> channel;
              std::thread([&] {
                channel.Send(GetTid());
                syscall(SYS_exit, 9);
              }).detach();
              const pid_t tid = channel.Receive();
              CHILD_CHECK(Eventually([&] { return ThreadState(getpid(), tid) == '?'; }));
              CHILD_CHECK_ERRNO(ESRCH, syscall(SYS_tgkill, getpid(), tid, 0));
              return 4;
            }),
            "exited 4");
}

TEST_F(ExitOrphanTest, OrphanGetsAnotherParent) {
  Channel<> go;
  Channel<pid_t> answer;
  const pid_t parent = ForkChild([&] {
    ForkChild([&] {
      go.Receive();
      answer.Send(getppid());
    });
  });
  EXPECT_EQ(WaitFor(parent), "exited 0");
  go.Send();
  const pid_t now = answer.Receive();
  EXPECT_NE(now, parent);
  EXPECT_GT(now, 0);
}

TEST_F(ExitOrphanTest, OrphanGoesToTheNearestSubreaper) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
              Channel<> go;
              Channel<pid_t> pids;
              const pid_t parent = ForkChild([&] {
                pids.Send(ForkChild([&] {
                  go.Receive();
                  return 12;
                }));
              });
              const pid_t orphan = pids.Receive();
              CHILD_CHECK(WaitFor(parent) == "exited 0");
              CHILD_CHECK(waitpid(orphan, nullptr, WNOHANG) == 0);
              go.Send();
              CHILD_CHECK(WaitFor(orphan) == "exited 12");
            }),
            "exited 0");
}

TEST_F(ExitOrphanTest, ZombieOfAnEndedParentGoesToTheSubreaperToo) {
  EXPECT_EQ(
      RunInChild([] {
        CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        Channel<pid_t> pids;
        const pid_t parent = ForkChild([&] {
          const pid_t zombie = ForkChild([] { return 13; });
          siginfo_t info;
          CHILD_CHECK(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT) == 0);
          pids.Send(zombie);
        });
        const pid_t zombie = pids.Receive();
        CHILD_CHECK(WaitFor(parent) == "exited 0");
        CHILD_CHECK(WaitFor(zombie) == "exited 13");
      }),
      "exited 0");
}

TEST_F(ExitOrphanTest, SubreaperIsNotInherited) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
              CHILD_CHECK(RunInChild([] {
                            int value = 7;
                            CHILD_CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0);
                            return value;
                          }) == "exited 0");
            }),
            "exited 0");
}

TEST_F(ExitOrphanTest, ChildOfALiveThreadGroupIsAdoptedByAnotherThread) {
  EXPECT_EQ(RunInChild([] {
              Channel<> go;
              pid_t pid = 0;
              std::thread([&] {
                pid = ForkChild([&] {
                  go.Receive();
                  return getppid() > 1 ? 14 : 1;
                });
              }).join();
              go.Send();
              CHILD_CHECK(WaitFor(pid) == "exited 14");
            }),
            "exited 0");
}

TEST_F(ExitOrphanTest, DeathSignalArrivesWhenTheParentEnds) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
              Channel<pid_t> pids;
              const pid_t parent = ForkChild([&] {
                Channel<> ready;
                pids.Send(ForkChild([&] {
                  CHILD_CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR2) == 0);
                  ready.Send();
                  for (;;) {
                    pause();
                  }
                }));
                ready.Receive();
              });
              const pid_t child = pids.Receive();
              CHILD_CHECK(WaitFor(parent) == "exited 0");
              CHILD_CHECK(WaitFor(child) == "killed by 12");
            }),
            "exited 0");
}

TEST_F(ExitOrphanTest, EndOfAProcessClosesItsDescriptors) {
  Pipe pipe;
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  pipe.writer.Reset();
  go.Send();
  char byte;
  EXPECT_EQ(read(pipe.reader.get(), &byte, 1), 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(ExitOrphanTest, CoreFlagIsSetWhenACoreFileIsWritten) {
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  if (limit.rlim_max != RLIM_INFINITY) {
    GTEST_SKIP() << "the hard limit of core files is too low to be raised";
  }
  ScratchDirectory directory;
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(chdir(directory.path().c_str()) == 0);
              const rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
              CHILD_CHECK(setrlimit(RLIMIT_CORE, &all) == 0);
              signal(SIGQUIT, SIG_DFL);
              raise(SIGQUIT);
            }),
            "killed by 3, core");
}

TEST_F(ExitOrphanTest, ExitHandlersRunOnExitAndNotOnUnderscoreExit) {
  Pipe pipe;
  static int writer;
  writer = pipe.writer.get();
  fflush(nullptr);
  EXPECT_EQ(RunInChild([] {
              atexit([] { CHILD_CHECK(write(writer, "a", 1) == 1); });
              // Only this handler's output matters; the others are those of the test framework.
              exit(15);
            }),
            "exited 15");
  EXPECT_EQ(RunInChild([] {
              atexit([] { CHILD_CHECK(write(writer, "b", 1) == 1); });
              _exit(16);
            }),
            "exited 16");
  pipe.writer.Reset();
  EXPECT_EQ(ReadAll(pipe.reader.get()), "a");
}

}  // namespace
}  // namespace compat
