// Resource limits: getrlimit(2), setrlimit(2), prlimit(2), and what some of them stop.

#include <sys/resource.h>

#include <atomic>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class RlimitTest : public DeadlineTest {};

TEST_F(RlimitTest, EveryLimitCanBeReadAndIsConsistent) {
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit = {};
    ASSERT_EQ(getrlimit(static_cast<__rlimit_resource>(resource), &limit), 0) << resource;
    EXPECT_LE(limit.rlim_cur, limit.rlim_max) << resource;
  }
}

TEST_F(RlimitTest, LimitsAreLoweredAndRaisedWithinTheHardOne) {
  EXPECT_EQ(RunInChild([] {
              rlimit limit = {100, 200};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_CHECK(limit.rlim_cur == 100 && limit.rlim_max == 200);
              limit.rlim_cur = 200;
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
            }),
            "exited 0");
}

TEST_F(RlimitTest, OrdinaryUsersCannotRaiseTheHardLimit) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              rlimit limit = {100, 200};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              limit.rlim_max = 201;
              CHILD_CHECK_ERRNO(EPERM, setrlimit(RLIMIT_NOFILE, &limit));
              limit = {150, 150};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              limit.rlim_max = 200;
              CHILD_CHECK_ERRNO(EPERM, setrlimit(RLIMIT_NOFILE, &limit));
            }),
            "exited 0");
}

TEST_F(RlimitTest, PrlimitSetsAndReturnsTheOldLimit) {
  EXPECT_EQ(RunInChild([] {
              const rlimit first = {300, 400}, second = {50, 60};
              rlimit old = {};
              CHILD_CHECK(prlimit(0, RLIMIT_NOFILE, &first, nullptr) == 0);
              CHILD_CHECK(prlimit(getpid(), RLIMIT_NOFILE, &second, &old) == 0);
              CHILD_CHECK(old.rlim_cur == 300 && old.rlim_max == 400);
              CHILD_CHECK(prlimit(0, RLIMIT_NOFILE, nullptr, &old) == 0);
              CHILD_CHECK(old.rlim_cur == 50 && old.rlim_max == 60);
            }),
            "exited 0");
}

TEST_F(RlimitTest, PrlimitReachesAChild) {
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    rlimit limit = {};
    CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHILD_CHECK(limit.rlim_cur == 70 && limit.rlim_max == 80);
  });
  const rlimit limit = {70, 80};
  EXPECT_EQ(prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(RlimitTest, PrlimitOfAnotherUsersProcessFailsWithEperm) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become another user";
  }
  EXPECT_EQ(RunInChild([] {
              const pid_t parent = getppid();
              CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              rlimit limit = {};
              CHILD_CHECK_ERRNO(EPERM, prlimit(parent, RLIMIT_NOFILE, nullptr, &limit));
            }),
            "exited 0");
}

TEST_F(RlimitTest, LimitsAreKeptOverExec) {
  std::string status;
  const std::string output = CaptureOutput(
      [] {
        const rlimit limit = {123, 456};
        CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        execl("/bin/sh", "sh", "-c", "ulimit -Sn; ulimit -Hn", nullptr);
      },
      &status);
  EXPECT_EQ(output, "123\n456\n");
}

TEST_F(RlimitTest, ProcShowsTheLimits) {
  EXPECT_EQ(RunInChild([] {
              const rlimit limit = {123, 456};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              const Fd file(open("/proc/self/limits", O_RDONLY));
              const std::string text = ReadAll(file.get());
              CHILD_CHECK(text.find("Max open files            123                  456") !=
                          std::string::npos);
            }),
            "exited 0");
}

TEST_F(RlimitTest, DescriptorLimitFailsWithEmfile) {
  EXPECT_EQ(RunInChild([] {
              const int lowest = dup(STDERR_FILENO);
              close(lowest);
              const rlimit limit = {static_cast<rlim_t>(lowest) + 1, 100};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_CHECK(dup(STDERR_FILENO) == lowest);
              int ends[2];
              CHILD_CHECK_ERRNO(EMFILE, dup(STDERR_FILENO));
              CHILD_CHECK_ERRNO(EMFILE, open("/dev/null", O_RDONLY));
              CHILD_CHECK_ERRNO(EMFILE, pipe(ends));
              CHILD_CHECK_ERRNO(EBADF, dup2(STDERR_FILENO, lowest + 1));
              CHILD_CHECK_ERRNO(EINVAL, fcntl(STDERR_FILENO, F_DUPFD, lowest + 1));
            }),
            "exited 0");
}

TEST_F(RlimitTest, DescriptorsAboveALoweredLimitStayOpen) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(dup2(STDERR_FILENO, 50) == 50);
              const rlimit limit = {20, 100};
              CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
              CHILD_CHECK(fcntl(50, F_GETFD) == 0);
            }),
            "exited 0");
}

TEST_F(RlimitTest, FileSizeLimitSendsSigxfsz) {
  ScratchDirectory directory;
  EXPECT_EQ(RunInChild([&] {
              const rlimit limit = {1000, 1000};
              CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
              signal(SIGXFSZ, SIG_IGN);
              const Fd file(open(directory.path("file").c_str(), O_CREAT | O_RDWR, 0600));
              const std::string data(1500, 'x');
              CHILD_CHECK(write(file.get(), data.data(), data.size()) == 1000);  // What fits.
              CHILD_CHECK_ERRNO(EFBIG, write(file.get(), "x", 1));
              CHILD_CHECK_ERRNO(EFBIG, ftruncate(file.get(), 1001));
              CHILD_CHECK(ftruncate(file.get(), 10) == 0);
            }),
            "exited 0");
  const std::string status = RunInChild([&] {
    const rlimit limit = {1000, 1000}, none = {0, 0};
    CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHILD_CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
    const Fd file(open(directory.path("other").c_str(), O_CREAT | O_RDWR, 0600));
    CHILD_CHECK(ftruncate(file.get(), 1000) == 0 && lseek(file.get(), 0, SEEK_END) == 1000);
    CHILD_CHECK(write(file.get(), "x", 1) == -1);
  });
  EXPECT_EQ(status, "killed by 25");
}

TEST_F(RlimitTest, ProcessorTimeLimitSendsSigxcpuAndThenKills) {
  // In whole seconds: the shortest way takes two of them.
  static std::atomic<int>* warnings;
  Shared<std::atomic<int>> shared;
  warnings = shared.get();
  const std::string status = RunInChild([] {
    signal(SIGXCPU, [](int) { ++*warnings; });
    const rlimit limit = {1, 2};
    CHILD_CHECK(setrlimit(RLIMIT_CPU, &limit) == 0);
    while (NowNs(CLOCK_PROCESS_CPUTIME_ID) < 20 * kSecondNs) {
    }
  });
  EXPECT_EQ(status, "killed by 9");
  EXPECT_EQ(*warnings, 1);
}

TEST_F(RlimitTest, StackLimitStopsTheStack) {
  EXPECT_EQ(RunInChild([] {
              rlimit limit = {};
              CHILD_CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
              limit.rlim_cur = 256 * 1024;
              CHILD_CHECK(setrlimit(RLIMIT_STACK, &limit) == 0);
              const rlimit none = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
              volatile char* stack = static_cast<volatile char*>(__builtin_frame_address(0));
              for (size_t depth = 0; depth < (4 << 20); depth += 4096) {
                stack[-static_cast<ptrdiff_t>(depth) - 256] = 1;
              }
            }),
            "killed by 11");
}

TEST_F(RlimitTest, BadArgumentsAreRefused) {
  rlimit limit = {200, 100};
  EXPECT_ERRNO(EINVAL, setrlimit(RLIMIT_NOFILE, &limit));
  EXPECT_ERRNO(EINVAL, syscall(SYS_getrlimit, 16, &limit));
  EXPECT_ERRNO(EINVAL, syscall(SYS_prlimit64, 0, 16, nullptr, &limit));
  EXPECT_ERRNO(ESRCH, prlimit(0x3fffff, RLIMIT_NOFILE, nullptr, &limit));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getrlimit, RLIMIT_NOFILE, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_setrlimit, RLIMIT_NOFILE, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, nullptr));
}

}  // namespace
}  // namespace compat

// Not here: RLIMIT_AS and RLIMIT_DATA (mmap_anon_test.cc), RLIMIT_MEMLOCK (memory_advice_test.cc),
// RLIMIT_NPROC (fork_test.cc, thread_test.cc), RLIMIT_SIGPENDING (signal_queue_test.cc),
// RLIMIT_STACK in exec (exec_errno_test.cc), RLIMIT_NICE (system_info_test.cc).
