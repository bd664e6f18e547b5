// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), and waitid(P_PIDFD).

#include <poll.h>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class PidfdTest : public DeadlineTest {};

Fd PidfdOpen(pid_t pid, unsigned flags = 0) {
  return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, flags)));
}

long SendSignal(const Fd& pidfd, int number, siginfo_t* info = nullptr, unsigned flags = 0) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), number, info, flags);
}

// P_PIDFD; not in this C library's enumeration in C++.
int WaitPidfd(const Fd& pidfd, siginfo_t* info, int options) {
  return static_cast<int>(syscall(SYS_waitid, 3, pidfd.get(), info, options, nullptr));
}

TEST_F(PidfdTest, BecomesReadableWhenTheProcessEnds) {
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  const Fd pidfd = PidfdOpen(pid);
  ASSERT_TRUE(pidfd.ok());
  pollfd item = {pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 0);
  go.Send();
  EXPECT_EQ(poll(&item, 1, -1), 1);
  EXPECT_NE(item.revents & POLLIN, 0);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(PidfdTest, IsCloseOnExec) {
  const Fd pidfd = PidfdOpen(getpid());
  EXPECT_EQ(fcntl(pidfd.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(PidfdTest, CannotBeReadOrWritten) {
  const Fd pidfd = PidfdOpen(getpid());
  char byte = 0;
  EXPECT_ERRNO(EINVAL, read(pidfd.get(), &byte, 1));
  EXPECT_ERRNO(EINVAL, write(pidfd.get(), &byte, 1));
}

TEST_F(PidfdTest, SendsSignals) {
  const pid_t pid = ForkChild([] { pause(); });
  const Fd pidfd = PidfdOpen(pid);
  EXPECT_EQ(SendSignal(pidfd, 0), 0);
  EXPECT_EQ(SendSignal(pidfd, SIGTERM), 0);
  EXPECT_EQ(WaitFor(pid), "killed by 15");
}

TEST_F(PidfdTest, SignalSaysThatItCameFromAUser) {
  ScopedBlock block({SIGUSR1});
  const Fd pidfd = PidfdOpen(getpid());
  ASSERT_EQ(SendSignal(pidfd, SIGUSR1), 0);
  const sigset_t set = SignalSet({SIGUSR1});
  siginfo_t info = {};
  EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(info.si_pid, getpid());
}

TEST_F(PidfdTest, SignalMayCarryInformation) {
  ScopedBlock block({SIGUSR1});
  const Fd pidfd = PidfdOpen(getpid());
  siginfo_t sent = {};
  sent.si_signo = SIGUSR1;
  sent.si_code = SI_QUEUE;
  sent.si_value.sival_int = 1234;
  ASSERT_EQ(SendSignal(pidfd, SIGUSR1, &sent), 0);
  const sigset_t set = SignalSet({SIGUSR1});
  siginfo_t info = {};
  EXPECT_EQ(sigwaitinfo(&set, &info), SIGUSR1);
  EXPECT_EQ(info.si_code, SI_QUEUE);
  EXPECT_EQ(info.si_value.sival_int, 1234);
}

TEST_F(PidfdTest, SignalInformationMustNameTheSameSignal) {
  const Fd pidfd = PidfdOpen(getpid());
  siginfo_t sent = {};
  sent.si_signo = SIGUSR2;
  sent.si_code = SI_QUEUE;
  EXPECT_ERRNO(EINVAL, SendSignal(pidfd, SIGUSR1, &sent));
}

TEST_F(PidfdTest, ForgedInformationForAnotherProcessFailsWithEperm) {
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  const Fd pidfd = PidfdOpen(pid);
  siginfo_t sent = {};
  sent.si_signo = SIGUSR1;
  sent.si_code = SI_USER;
  EXPECT_ERRNO(EPERM, SendSignal(pidfd, SIGUSR1, &sent));
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(PidfdTest, EndedAndReapedProcessFailsWithEsrch) {
  const pid_t pid = ForkChild([] {});
  const Fd pidfd = PidfdOpen(pid);
  ASSERT_TRUE(pidfd.ok());
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_ERRNO(ESRCH, SendSignal(pidfd, 0));
  EXPECT_ERRNO(ESRCH, syscall(SYS_pidfd_open, pid, 0));
  pollfd item = {pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&item, 1, 0), 1);
}

TEST_F(PidfdTest, WaitidWaitsForItsProcess) {
  const pid_t pid = ForkChild([] { return 5; });
  const Fd pidfd = PidfdOpen(pid);
  siginfo_t info = {};
  EXPECT_EQ(WaitPidfd(pidfd, &info, WEXITED), 0);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_status, 5);
  EXPECT_ERRNO(ECHILD, WaitPidfd(pidfd, &info, WEXITED));
}

TEST_F(PidfdTest, WaitidOfANonblockingOneFailsWithEagain) {
  Channel<> go;
  const pid_t pid = ForkChild([&] { go.Receive(); });
  const Fd pidfd = PidfdOpen(pid, O_NONBLOCK);
  ASSERT_TRUE(pidfd.ok());
  siginfo_t info = {};
  EXPECT_ERRNO(EAGAIN, WaitPidfd(pidfd, &info, WEXITED));
  EXPECT_EQ(WaitPidfd(pidfd, &info, WEXITED | WNOHANG), 0);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(PidfdTest, WaitidOfSomethingElseFails) {
  siginfo_t info = {};
  const Fd file(memfd_create("no pidfd", MFD_CLOEXEC));
  EXPECT_ERRNO(EBADF, WaitPidfd(file, &info, WEXITED));
  EXPECT_ERRNO(EINVAL, WaitPidfd(Fd(), &info, WEXITED));
  EXPECT_ERRNO(EBADF, WaitPidfd(Fd(999), &info, WEXITED));
  const Fd own = PidfdOpen(getpid());
  EXPECT_ERRNO(ECHILD, WaitPidfd(own, &info, WEXITED));
}

TEST_F(PidfdTest, OpenRefusesBadArguments) {
  EXPECT_ERRNO(EINVAL, syscall(SYS_pidfd_open, getpid(), 1));
  EXPECT_ERRNO(EINVAL, syscall(SYS_pidfd_open, -1, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_pidfd_open, 0, 0));
  EXPECT_ERRNO(ESRCH, syscall(SYS_pidfd_open, 0x7fffffff, 0));
}

TEST_F(PidfdTest, SendRefusesBadArguments) {
  const Fd pidfd = PidfdOpen(getpid());
  const Fd file(memfd_create("no pidfd", MFD_CLOEXEC));
  EXPECT_ERRNO(EINVAL, SendSignal(pidfd, 65));
  EXPECT_ERRNO(EINVAL, SendSignal(pidfd, 0, nullptr, 0x100));
  EXPECT_ERRNO(EBADF, SendSignal(file, 0));
  EXPECT_ERRNO(EBADF, SendSignal(file, 65));
  EXPECT_ERRNO(EBADF, syscall(SYS_pidfd_send_signal, 999, 0, nullptr, 0));
  EXPECT_ERRNO(EFAULT, SendSignal(pidfd, SIGUSR1, reinterpret_cast<siginfo_t*>(8)));
}

TEST_F(PidfdTest, SendWithoutPermissionFailsWithEperm) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become another user";
  }
  const Fd pidfd = PidfdOpen(getpid());
  EXPECT_EQ(RunInChild([&] {
              CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              CHILD_CHECK_ERRNO(EPERM, SendSignal(pidfd, SIGUSR1));
              CHILD_CHECK_ERRNO(EPERM, SendSignal(pidfd, 0));
            }),
            "exited 0");
}

TEST_F(PidfdTest, GetfdDuplicatesADescriptorOfAnotherProcess) {
  Channel<int> numbers;
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    const Fd file(memfd_create("of the child", MFD_CLOEXEC));
    CHILD_CHECK(write(file.get(), "content", 7) == 7);
    numbers.Send(file.get());
    go.Receive();
  });
  const Fd pidfd = PidfdOpen(pid);
  const Fd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), numbers.Receive(), 0)));
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(fcntl(copy.get(), F_GETFD), FD_CLOEXEC);
  char text[8] = {};
  EXPECT_EQ(pread(copy.get(), text, 7, 0), 7);
  EXPECT_STREQ(text, "content");
  EXPECT_EQ(lseek(copy.get(), 0, SEEK_CUR), 7);  // The same open file.
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(PidfdTest, GetfdRefusesBadArguments) {
  const Fd pidfd = PidfdOpen(getpid());
  EXPECT_ERRNO(EBADF, syscall(SYS_pidfd_getfd, pidfd.get(), 999, 0));
  EXPECT_ERRNO(EBADF, syscall(SYS_pidfd_getfd, 999, 0, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_pidfd_getfd, pidfd.get(), 0, 1));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here:
// - EMFILE, ENFILE, ENODEV, ENOMEM: host conditions or the descriptor limit (dup families).
// - ENOENT, EINVAL for the id of a thread that leads no process: kernels differ.
