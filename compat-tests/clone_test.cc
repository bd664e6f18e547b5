// clone(2): what each flag shares, how exit signals work, and which flags exclude
// each other.

#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class CloneTest : public DeadlineTest {};

constexpr int kWclone = static_cast<int>(__WCLONE);
constexpr size_t kStackSize = 256 * 1024;

// A child made by glibc's clone() with a stack of its own.
class Child {
 public:
  template <typename Body>
  Child(uint64_t flags, Body body) : stack_(kStackSize), pid_(Start(flags, std::move(body))) {}

  pid_t pid() const { return pid_; }

 private:
  template <typename Body>
  int Start(uint64_t flags, Body body) {
    body_ = std::make_unique<Body>(std::move(body));
    return clone(
        [](void* argument) {
          if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
            (*static_cast<Body*>(argument))();
            return 0;
          } else {
            return static_cast<int>((*static_cast<Body*>(argument))());
          }
        },
        stack_.data() + stack_.size(), static_cast<int>(flags), body_.get());
  }

  std::vector<char> stack_;
  std::shared_ptr<void> body_;
  pid_t pid_;
};

// For calls that must be refused: a child that comes to be all the same ends at once.
long RefusedClone(uint64_t flags, int* parent_tid = nullptr) {
  const long pid = syscall(SYS_clone, flags, nullptr, parent_tid, nullptr, 0L);
  if (pid == 0) {
    _exit(0);
  }
  return pid;
}

TEST_F(CloneTest, VmFlagSharesMemory) {
  std::atomic<int> value = 1;
  Child child(CLONE_VM | SIGCHLD, [&] { value = 2; });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  EXPECT_EQ(value, 2);
}

TEST_F(CloneTest, WithoutVmFlagMemoryIsCopied) {
  std::atomic<int> value = 1;
  Child child(SIGCHLD, [&] { value = 2; });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  EXPECT_EQ(value, 1);
}

TEST_F(CloneTest, VmFlagSharesNewMappings) {
  std::atomic<int*> mapped = nullptr;
  Child child(CLONE_VM | SIGCHLD, [&] {
    mapped = static_cast<int*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    *mapped.load() = 5;
  });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(*mapped.load(), 5);
  EXPECT_EQ(munmap(mapped, 4096), 0);
}

TEST_F(CloneTest, FilesFlagSharesTheDescriptorTable) {
  Fd file(memfd_create("shared", 0));
  const int fd = file.Release();
  Child child(CLONE_FILES | SIGCHLD, [&] { return close(fd); });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
}

TEST_F(CloneTest, FilesFlagShowsDescriptorsOpenedByTheChild) {
  Shared<std::atomic<int>> fd;
  *fd = -1;
  Child child(CLONE_FILES | SIGCHLD, [&] { *fd = memfd_create("of the child", 0); });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  ASSERT_GE(fd->load(), 0);
  EXPECT_NE(fcntl(fd->load(), F_GETFD), -1);
  close(fd->load());
}

TEST_F(CloneTest, FsFlagSharesUmask) {
  const mode_t before = umask(022);
  Child child(CLONE_FS | SIGCHLD, [] { umask(077); });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  EXPECT_EQ(umask(before), 077u);
}

TEST_F(CloneTest, FsFlagSharesTheWorkingDirectory) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(chdir("/") == 0);
              Child child(CLONE_FS | SIGCHLD, [] { return chdir("/tmp"); });
              CHILD_CHECK(WaitFor(child.pid()) == "exited 0");
              char directory[4096];
              CHILD_CHECK(getcwd(directory, sizeof(directory)) != nullptr);
              CHILD_CHECK(strcmp(directory, "/tmp") == 0);
            }),
            "exited 0");
}

TEST_F(CloneTest, SighandFlagSharesHandlers) {
  ScopedAction before(SIGUSR1, SIG_DFL);
  Child child(CLONE_VM | CLONE_SIGHAND | SIGCHLD, [] { signal(SIGUSR1, SIG_IGN); });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  struct sigaction now;
  ASSERT_EQ(sigaction(SIGUSR1, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
}

TEST_F(CloneTest, SighandFlagSharesHandlersButNotMasks) {
  Child child(CLONE_VM | CLONE_SIGHAND | SIGCHLD, [] {
    const sigset_t set = SignalSet({SIGUSR1});
    sigprocmask(SIG_BLOCK, &set, nullptr);
  });
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
  sigset_t now;
  ASSERT_EQ(sigprocmask(SIG_SETMASK, nullptr, &now), 0);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 0);
}

TEST_F(CloneTest, ParentFlagMakesASibling) {
  const pid_t me = getpid();
  Shared<std::atomic<pid_t>> sibling;
  EXPECT_EQ(RunInChild([&] {
              Child child(CLONE_PARENT | SIGCHLD, [&] { return getppid() == me ? 11 : 1; });
              *sibling = child.pid();
              CHILD_CHECK_ERRNO(ECHILD, waitpid(child.pid(), nullptr, 0));
            }),
            "exited 0");
  EXPECT_EQ(WaitFor(sibling->load()), "exited 11");
}

TEST_F(CloneTest, ParentSettidStoresTheIdInTheParentsMemoryOnly) {
  pid_t stored = 0;
  const long pid = syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, nullptr, &stored, nullptr, 0L);
  if (pid == 0) {
    _exit(stored);  // The child's copy of the memory was made before.
  }
  EXPECT_EQ(stored, pid);
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 0");
}

TEST_F(CloneTest, ChildSettidStoresTheIdInTheChildsMemoryOnly) {
  pid_t stored = 0;
  const long pid = syscall(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, nullptr, nullptr, &stored, 0L);
  if (pid == 0) {
    _exit(stored == syscall(SYS_getpid) ? 0 : 1);
  }
  EXPECT_EQ(stored, 0);
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 0");
}

TEST_F(CloneTest, ChildCleartidClearsSharedMemoryAtExit) {
  std::atomic<int> word = 77;
  std::vector<char> stack(kStackSize);
  const int pid = clone([](void*) { return 0; }, stack.data() + stack.size(),
                        CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, nullptr, nullptr, nullptr,
                        reinterpret_cast<int*>(&word));
  ASSERT_GT(pid, 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(word, 0);
}

TEST_F(CloneTest, ChildCleartidIsIgnoredWhenNobodySharesTheMemory) {
  Shared<int> word;
  *word = 77;
  std::vector<char> stack(kStackSize);
  const int pid = clone([](void*) { return 0; }, stack.data() + stack.size(),
                        CLONE_CHILD_CLEARTID | SIGCHLD, nullptr, nullptr, nullptr, word.get());
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_EQ(*word, 77);
}

TEST_F(CloneTest, VforkFlagSuspendsTheParent) {
  std::atomic<int> value = 1;
  Child child(CLONE_VM | CLONE_VFORK | SIGCHLD, [&] {
    SleepNs(20 * kMillisecondNs);
    value = 2;
  });
  EXPECT_EQ(value, 2);
  EXPECT_EQ(WaitFor(child.pid()), "exited 0");
}

TEST_F(CloneTest, PidfdFlagGivesADescriptorThatBecomesReadableAtExit) {
  int pidfd = -1;
  Channel<> go;
  std::vector<char> stack(kStackSize);
  const int pid = clone(
      [](void* channel) {
        static_cast<Channel<>*>(channel)->Receive();
        return 3;
      },
      stack.data() + stack.size(), CLONE_PIDFD | SIGCHLD, &go, &pidfd);
  ASSERT_GT(pid, 0);
  ASSERT_GE(pidfd, 0);
  EXPECT_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
  pollfd item = {pidfd, POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 0);
  go.Send();
  EXPECT_EQ(poll(&item, 1, -1), 1);
  EXPECT_EQ(item.revents & POLLIN, POLLIN);
  EXPECT_EQ(WaitFor(pid), "exited 3");
  close(pidfd);
}

TEST_F(CloneTest, ExitSignalIsTheOneAskedFor) {
  ScopedBlock block({SIGUSR1, SIGCHLD});
  Child child(SIGUSR1, [] { return 4; });
  const sigset_t set = SignalSet({SIGUSR1, SIGCHLD});
  siginfo_t info = {};
  EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_pid, child.pid());
  EXPECT_EQ(info.si_status, 4);
  EXPECT_EQ(WaitFor(child.pid(), kWclone), "exited 4");
}

TEST_F(CloneTest, ChildWithoutSigchldIsWaitedForWithWcloneOrWallOnly) {
  Child first(0, [] { return 5; });
  EXPECT_ERRNO(ECHILD, waitpid(first.pid(), nullptr, 0));
  EXPECT_EQ(WaitFor(first.pid(), kWclone), "exited 5");
  Child second(0, [] { return 6; });
  EXPECT_EQ(WaitFor(second.pid(), __WALL), "exited 6");
  Child third(SIGCHLD, [] { return 7; });
  EXPECT_ERRNO(ECHILD, waitpid(third.pid(), nullptr, kWclone));
  EXPECT_EQ(WaitFor(third.pid(), __WALL), "exited 7");
}

TEST_F(CloneTest, ExecMakesTheExitSignalSigchld) {
  Child child(SIGUSR1, [] { return execl("/bin/sh", "sh", "-c", "exit 8", nullptr); });
  EXPECT_EQ(WaitFor(child.pid(), __WALL), "exited 8");
  ScopedBlock block({SIGUSR1, SIGCHLD});
  Child other(SIGUSR1, [&] { return execl("/bin/sh", "sh", "-c", "exit 8", nullptr); });
  const sigset_t set = SignalSet({SIGUSR1, SIGCHLD});
  siginfo_t info = {};
  EXPECT_EQ(sigwaitinfo(&set, &info), SIGCHLD);
  EXPECT_EQ(WaitFor(other.pid()), "exited 8");
}

TEST_F(CloneTest, FlagsThatNeedOthersAreRefusedWithoutThem) {
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_SIGHAND | SIGCHLD));
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_THREAD | CLONE_VM | SIGCHLD));
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD));
}

TEST_F(CloneTest, FlagsThatExcludeEachOtherAreRefused) {
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_FS | CLONE_NEWNS | SIGCHLD));
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_FS | CLONE_NEWUSER | SIGCHLD));
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD));
  // Both use the third argument.
  EXPECT_ERRNO(EINVAL, RefusedClone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD));
}

TEST_F(CloneTest, BadParentTidAddressIsIgnoredAndBadPidfdAddressIsEfault) {
  auto* unmapped = reinterpret_cast<int*>(8);
  const long pid = syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, nullptr, unmapped, nullptr, 0);
  if (pid == 0) {
    _exit(12);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 12");
  EXPECT_ERRNO(EFAULT, RefusedClone(CLONE_PIDFD | SIGCHLD, unmapped));
}

TEST_F(CloneTest, GlibcRefusesANullStackOrFunction) {
  char stack[16];
  EXPECT_ERRNO(EINVAL, clone(nullptr, stack, SIGCHLD, nullptr));
  EXPECT_ERRNO(EINVAL, clone([](void*) { return 0; }, nullptr, SIGCHLD, nullptr));
}

}  // namespace
}  // namespace compat

// Errnos of clone(2) not provoked here (clone3_test.cc has those of clone3):
// - EAGAIN: fork_test.cc.
// - EPERM, ENOSPC, EUSERS: new namespaces belong to privileged tools.
// - EINVAL of CLONE_PARENT by an init process: the caller is not one.
// - ENOMEM: needs a host without memory.
