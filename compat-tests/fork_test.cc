// fork(2), vfork(2): what a child inherits, what it doesn't, and what it shares.

#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>

#include <fstream>
#include <memory>
#include <set>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class ForkTest : public DeadlineTest {};

// The value of a line such as "Threads:\t1" of /proc/self/status; -1 when there is none.
long StatusField(const std::string& name) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + ":", 0) == 0) {
      return std::stol(line.substr(name.size() + 1));
    }
  }
  return -1;
}

TEST_F(ForkTest, ChildGetsZeroAndParentGetsTheChildsPid) {
  Channel<pid_t> channel;
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    channel.Send(getpid());
    _exit(getppid() == parent ? 0 : 1);
  }
  ASSERT_GT(pid, 0);
  EXPECT_EQ(channel.Receive(), pid);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(ForkTest, ChildWritesToItsOwnCopyOfMemory) {
  int on_stack = 1;
  auto on_heap = std::make_unique<int>(2);
  static int in_data = 3;
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(on_stack == 1 && *on_heap == 2 && in_data == 3);
              on_stack = *on_heap = in_data = 77;
            }),
            "exited 0");
  EXPECT_EQ(on_stack, 1);
  EXPECT_EQ(*on_heap, 2);
  EXPECT_EQ(in_data, 3);
}

TEST_F(ForkTest, ParentsLaterWritesDoNotShowInTheChild) {
  int value = 1;
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    return value;
  });
  value = 2;
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 1");
}

TEST_F(ForkTest, ChildSharesTheFileOffset) {
  Fd file(memfd_create("offset", MFD_CLOEXEC));
  ASSERT_EQ(write(file.get(), "abcdef", 6), 6);
  ASSERT_EQ(lseek(file.get(), 1, SEEK_SET), 1);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(lseek(file.get(), 0, SEEK_CUR) == 1);
              CHILD_CHECK(lseek(file.get(), 4, SEEK_SET) == 4);
            }),
            "exited 0");
  EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 4);
}

TEST_F(ForkTest, ChildClosesOnlyItsOwnDescriptor) {
  Fd file(memfd_create("close", MFD_CLOEXEC));
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(close(file.get()) == 0); }), "exited 0");
  EXPECT_NE(fcntl(file.get(), F_GETFD), -1);
}

TEST_F(ForkTest, CloexecDescriptorsSurviveFork) {
  Fd file(memfd_create("cloexec", MFD_CLOEXEC));
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(fcntl(file.get(), F_GETFD) == FD_CLOEXEC); }), "exited 0");
}

TEST_F(ForkTest, PendingSignalsAreNotInherited) {
  ScopedBlock block({SIGUSR1});
  ScopedAction action(SIGUSR1, SIG_DFL);
  ASSERT_EQ(raise(SIGUSR1), 0);
  EXPECT_EQ(RunInChild([&] {
              sigset_t pending;
              CHILD_CHECK(sigpending(&pending) == 0);
              CHILD_CHECK(sigismember(&pending, SIGUSR1) == 0);
            }),
            "exited 0");
  sigset_t pending;
  ASSERT_EQ(sigpending(&pending), 0);
  EXPECT_EQ(sigismember(&pending, SIGUSR1), 1);
  signal(SIGUSR1, SIG_IGN);  // Discards it.
}

TEST_F(ForkTest, MaskAndHandlersAreInherited) {
  ScopedBlock block({SIGUSR1});
  ScopedAction handled(SIGUSR2, [](int) { _exit(42); });
  ScopedAction ignored(SIGTERM, SIG_IGN);
  EXPECT_EQ(RunInChild([&] {
              sigset_t mask;
              CHILD_CHECK(pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0);
              CHILD_CHECK(sigismember(&mask, SIGUSR1) == 1);
              CHILD_CHECK(raise(SIGTERM) == 0);
              raise(SIGUSR2);
            }),
            "exited 42");
}

TEST_F(ForkTest, AlternateSignalStackIsInherited) {
  char stack[16384];
  const stack_t wanted = {stack, 0, sizeof(stack)};
  stack_t before;
  ASSERT_EQ(sigaltstack(&wanted, &before), 0);
  EXPECT_EQ(RunInChild([&] {
              stack_t now;
              CHILD_CHECK(sigaltstack(nullptr, &now) == 0);
              CHILD_CHECK(now.ss_sp == stack && now.ss_size == sizeof(stack));
            }),
            "exited 0");
  EXPECT_EQ(sigaltstack(&before, nullptr), 0);
}

TEST_F(ForkTest, AlarmAndIntervalTimersAreNotInherited) {
  const itimerval far = {{0, 0}, {1000, 0}};
  ASSERT_EQ(setitimer(ITIMER_VIRTUAL, &far, nullptr), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    itimerval now;
    CHILD_CHECK(alarm(0) == 0);
    CHILD_CHECK(getitimer(ITIMER_VIRTUAL, &now) == 0);
    CHILD_CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
    _exit(0);
  }
  EXPECT_EQ(WaitFor(pid), "exited 0");
  const itimerval off = {};
  EXPECT_EQ(setitimer(ITIMER_VIRTUAL, &off, nullptr), 0);
}

TEST_F(ForkTest, DirectoryAndUmaskAreInheritedButChangeAlone) {
  const mode_t before = umask(027);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(umask(0) == 027);
              CHILD_CHECK(chdir("/") == 0);
            }),
            "exited 0");
  EXPECT_EQ(umask(before), 027u);
}

TEST_F(ForkTest, ProcessGroupAndSessionAreInherited) {
  const pid_t group = getpgrp();
  const pid_t session = getsid(0);
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(getpgrp() == group);
              CHILD_CHECK(getsid(0) == session);
            }),
            "exited 0");
}

TEST_F(ForkTest, ResourceLimitsAndPriorityAreInherited) {
  EXPECT_EQ(RunInChild([&] {
              const rlimit limit = {100, 200};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_CHECK(setpriority(PRIO_PROCESS, 0, 17) == 0);
              CHILD_CHECK(RunInChild([&] {
                            rlimit seen = {};
                            CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &seen) == 0);
                            CHILD_CHECK(seen.rlim_cur == 100 && seen.rlim_max == 200);
                            CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 17);
                          }) == "exited 0");
            }),
            "exited 0");
}

TEST_F(ForkTest, ChildOfAThreadedParentHasOneThread) {
  Channel<> stop;
  std::thread other([&] { stop.Receive(); });
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(StatusField("Threads") == 1);
              CHILD_CHECK(getpid() == GetTid());
            }),
            "exited 0");
  stop.Send();
  other.join();
}

TEST_F(ForkTest, ForkFromAnotherThreadMakesAChildOfTheProcess) {
  pid_t pid = 0;
  std::thread forker([&] {
    pid = ForkChild([] {
      CHILD_CHECK(getpid() == GetTid());
      return 5;
    });
  });
  forker.join();
  EXPECT_EQ(WaitFor(pid), "exited 5");
}

TEST_F(ForkTest, ThreadLocalValuesOfTheForkingThreadAreCopied) {
  static thread_local int value = 1;
  std::string status;
  std::thread forker([&] {
    value = 9;
    status = RunInChild([] { return value; });
  });
  forker.join();
  EXPECT_EQ(status, "exited 9");
  EXPECT_EQ(value, 1);
}

TEST_F(ForkTest, ProcessorTimesOfTheChildStartAtZero) {
  tms before;
  do {
    times(&before);
  } while (before.tms_utime + before.tms_stime < 3);
  EXPECT_EQ(RunInChild([&] {
              tms now;
              times(&now);
              CHILD_CHECK(now.tms_utime + now.tms_stime < 3);
              CHILD_CHECK(now.tms_cutime == 0 && now.tms_cstime == 0);
            }),
            "exited 0");
}

TEST_F(ForkTest, MemoryLocksAreNotInherited) {
  const size_t size = 4096;
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  ASSERT_EQ(mlock(page, size), 0);
  EXPECT_GE(StatusField("VmLck"), 4);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(StatusField("VmLck") == 0); }), "exited 0");
  munmap(page, size);
}

TEST_F(ForkTest, DontforkMappingsAreMissingInTheChild) {
  const size_t size = 4096;
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  ASSERT_EQ(madvise(page, size, MADV_DONTFORK), 0);
  EXPECT_EQ(RunInChild([&] {
              unsigned char resident;
              CHILD_CHECK_ERRNO(ENOMEM, mincore(page, size, &resident));
            }),
            "exited 0");
  munmap(page, size);
}

TEST_F(ForkTest, WipeonforkMappingsReadAsZeroInTheChild) {
  const size_t size = 4096;
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  ASSERT_EQ(madvise(page, size, MADV_WIPEONFORK), 0);
  auto* byte = static_cast<volatile char*>(page);
  *byte = 5;
  EXPECT_EQ(RunInChild([&] { return *byte; }), "exited 0");
  EXPECT_EQ(*byte, 5);
  munmap(page, size);
}

TEST_F(ForkTest, TwoHundredChildrenHaveDistinctPids) {
  std::set<pid_t> pids;
  Channel<> go;
  for (int i = 0; i < 200; ++i) {
    const pid_t pid = ForkChild([&] { go.Receive(); });
    ASSERT_GT(pid, 0);
    pids.insert(pid);
  }
  EXPECT_EQ(pids.size(), 200u);
  for (int i = 0; i < 200; ++i) {
    go.Send();
  }
  for (const pid_t pid : pids) {
    EXPECT_EQ(WaitFor(pid), "exited 0");
  }
}

TEST_F(ForkTest, DeepChainsOfProcessesWork) {
  struct Chain {
    static int Descend(int depth) {
      if (depth == 0) {
        return 33;
      }
      return RunInChild([&] { return Descend(depth - 1); }) == "exited 33" ? 33 : 1;
    }
  };
  EXPECT_EQ(RunInChild([] { return Chain::Descend(20); }), "exited 33");
}

TEST_F(ForkTest, AtforkHandlersRunAroundFork) {
  static int prepared = 0, in_parent = 0, in_child = 0;
  static bool installed = false;
  if (!installed) {
    installed = true;
    pthread_atfork([] { ++prepared; }, [] { ++in_parent; }, [] { ++in_child; });
  }
  prepared = in_parent = in_child = 0;
  EXPECT_EQ(RunInChild([] { CHILD_CHECK(prepared == 1 && in_child == 1 && in_parent == 0); }),
            "exited 0");
  EXPECT_EQ(prepared, 1);
  EXPECT_EQ(in_parent, 1);
  EXPECT_EQ(in_child, 0);
}

TEST_F(ForkTest, BeyondTheProcessLimitFailsWithEagain) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              const rlimit limit = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_NPROC, &limit) == 0);
              CHILD_CHECK_ERRNO(EAGAIN, fork());
            }),
            "exited 0");
}

// vfork(2). The child's stack frame is the parent's, so the child calls only what is safe there.

TEST_F(ForkTest, VforkChildSharesMemoryAndTheParentWaitsForItsExit) {
  volatile int value = 1;
  const pid_t pid = vfork();
  if (pid == 0) {
    const timespec pause = {0, 20'000'000};
    nanosleep(&pause, nullptr);
    value = 2;
    _exit(6);
  }
  EXPECT_EQ(value, 2);
  EXPECT_EQ(WaitFor(pid), "exited 6");
}

TEST_F(ForkTest, VforkParentResumesWhenTheChildExecs) {
  Pipe pipe(O_CLOEXEC);
  Pipe input;
  const pid_t pid = vfork();
  if (pid == 0) {
    dup2(input.reader.get(), STDIN_FILENO);
    // Waits for input, so the parent runs on while this program lives.
    execl("/bin/sh", "sh", "-c", "read line; exit 7", nullptr);
    _exit(1);
  }
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  ASSERT_EQ(write(input.writer.get(), "go\n", 3), 3);
  EXPECT_EQ(WaitFor(pid), "exited 7");
}

TEST_F(ForkTest, VforkParentResumesWhenTheChildIsKilled) {
  const pid_t pid = vfork();
  if (pid == 0) {
    kill(static_cast<pid_t>(syscall(SYS_getpid)), SIGKILL);
    _exit(1);
  }
  EXPECT_EQ(WaitFor(pid), "killed by 9");
}

TEST_F(ForkTest, VforkChildHasItsOwnDescriptorTable) {
  Fd file(memfd_create("vfork", 0));
  const int fd = file.get();
  const pid_t pid = vfork();
  if (pid == 0) {
    close(fd);
    _exit(0);
  }
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_NE(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace compat

// Errnos of fork(2) and vfork(2) not provoked here:
// - ENOMEM: needs a host without memory, or a pid namespace whose init has died.
// - ENOSYS: only on hardware without a memory management unit.
// - ERESTARTNOINTR: seen by tracers only.
// - EAGAIN of kernel.threads-max, kernel.pid_max and SCHED_DEADLINE: system-wide settings.
