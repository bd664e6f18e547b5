// clone3(2): the structure, its versions and the flags that only it has. clone_test.cc has the
// rest.

#include <linux/sched.h>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class Clone3Test : public DeadlineTest {};

long Clone3(clone_args* args, size_t size = sizeof(clone_args)) {
  return syscall(SYS_clone3, args, size);
}

// For calls that must be refused: a child that comes to be all the same ends at once.
long RefusedClone3(clone_args* args, size_t size = sizeof(clone_args)) {
  const long pid = Clone3(args, size);
  if (pid == 0) {
    _exit(0);
  }
  return pid;
}
TEST_F(Clone3Test, MakesAChild) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  const long pid = Clone3(&args);
  if (pid == 0) {
    _exit(9);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 9");
}

TEST_F(Clone3Test, ClearSighandResetsHandlersButNotIgnored) {
  ScopedAction handled(SIGUSR1, [](int) {});
  ScopedAction ignored(SIGUSR2, SIG_IGN);
  clone_args args = {};
  args.flags = CLONE_CLEAR_SIGHAND;
  args.exit_signal = SIGCHLD;
  const long pid = Clone3(&args);
  if (pid == 0) {
    struct sigaction now;
    sigaction(SIGUSR1, nullptr, &now);
    CHILD_CHECK(now.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, nullptr, &now);
    CHILD_CHECK(now.sa_handler == SIG_IGN);
    _exit(0);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 0");
}

TEST_F(Clone3Test, StoresIdsAndPidfd) {
  Shared<int> child_tid;
  int parent_tid = 0, pidfd = -1;
  clone_args args = {};
  args.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_PIDFD;
  args.exit_signal = SIGCHLD;
  args.parent_tid = reinterpret_cast<uint64_t>(&parent_tid);
  args.child_tid = reinterpret_cast<uint64_t>(child_tid.get());
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  const long pid = Clone3(&args);
  if (pid == 0) {
    _exit(0);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 0");
  EXPECT_EQ(parent_tid, pid);
  EXPECT_EQ(*child_tid, pid);
  EXPECT_GE(pidfd, 0);
  close(pidfd);
}

TEST_F(Clone3Test, AcceptsTheFirstVersionOfTheStructure) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  const long pid = Clone3(&args, CLONE_ARGS_SIZE_VER0);
  if (pid == 0) {
    _exit(10);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 10");
}

TEST_F(Clone3Test, AcceptsALongerStructureOfZeros) {
  struct {
    clone_args args;
    uint64_t unknown;
  } longer = {};
  longer.args.exit_signal = SIGCHLD;
  const long pid = Clone3(&longer.args, sizeof(longer));
  if (pid == 0) {
    _exit(11);
  }
  EXPECT_EQ(WaitFor(static_cast<pid_t>(pid)), "exited 11");
  longer.unknown = 1;
  EXPECT_ERRNO(E2BIG, RefusedClone3(&longer.args, sizeof(longer)));
}

TEST_F(Clone3Test, WithBadSizesIsRefused) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  EXPECT_ERRNO(EINVAL, RefusedClone3(&args, CLONE_ARGS_SIZE_VER0 - 1));
  EXPECT_ERRNO(EINVAL, RefusedClone3(&args, 0));
  EXPECT_ERRNO(E2BIG, RefusedClone3(&args, 4097));
  EXPECT_ERRNO(EFAULT, RefusedClone3(nullptr));
}

TEST_F(Clone3Test, WithBadFieldsIsRefused) {
  const auto refused = [](auto change) {
    clone_args args = {};
    args.exit_signal = SIGCHLD;
    change(args);
    EXPECT_ERRNO(EINVAL, RefusedClone3(&args));
  };
  refused([](clone_args& args) { args.exit_signal = 65; });
  refused([](clone_args& args) { args.exit_signal = 1ULL << 40; });
  refused([](clone_args& args) { args.flags = CLONE_DETACHED; });
  refused([](clone_args& args) { args.flags = SIGCHLD; });  // The signal has its own field.
  refused([](clone_args& args) { args.flags = 1ULL << 50; });
  refused([](clone_args& args) { args.stack_size = 4096; });
  refused([](clone_args& args) { args.stack = 4096; });
  refused([](clone_args& args) { args.set_tid_size = 100; });
  refused([](clone_args& args) { args.set_tid = 4096; });
  refused([](clone_args& args) { args.flags = CLONE_SIGHAND; });
  refused([](clone_args& args) { args.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND; });
}

}  // namespace
}  // namespace compat

// Errnos of clone3(2) not provoked here:
// - EACCES, EBADF, EBUSY, EOPNOTSUPP (CLONE_INTO_CGROUP): depends on the host's cgroups.
// - EEXIST (set_tid), EPERM, ENOSPC, EUSERS: namespaces and the choice of pids are for privileged
//   tools.
// - EAGAIN, ENOMEM: as in fork_test.cc.
