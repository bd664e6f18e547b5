// signalfd4(2): reading signals from a descriptor.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class SignalfdTest : public DeadlineTest {
 protected:
  ScopedBlock block_{SIGUSR1, SIGUSR2, SIGCHLD, SIGRTMIN + 4};
};

Fd Create(std::initializer_list<int> signals, int flags = SFD_NONBLOCK) {
  const sigset_t set = SignalSet(signals);
  return Fd(signalfd(-1, &set, flags));
}

// The next signal; ssi_signo is 0 when there is none.
signalfd_siginfo Read(const Fd& fd) {
  signalfd_siginfo info = {};
  return read(fd.get(), &info, sizeof(info)) == sizeof(info) ? info : signalfd_siginfo{};
}

short Poll(const Fd& fd, int timeout_ms = 0) {
  pollfd item = {fd.get(), POLLIN | POLLOUT, 0};
  poll(&item, 1, timeout_ms);
  return item.revents;
}

TEST_F(SignalfdTest, ReadTakesAPendingSignal) {
  const Fd fd = Create({SIGUSR1});
  kill(getpid(), SIGUSR1);
  const signalfd_siginfo info = Read(fd);
  EXPECT_EQ(info.ssi_signo, uint32_t{SIGUSR1});
  EXPECT_EQ(info.ssi_code, SI_USER);
  EXPECT_EQ(info.ssi_pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(info.ssi_uid, getuid());
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGUSR1), 0);
}

TEST_F(SignalfdTest, WithoutASignalANonblockingReadFailsWithEagain) {
  const Fd fd = Create({SIGUSR1});
  signalfd_siginfo info = {};
  EXPECT_ERRNO(EAGAIN, read(fd.get(), &info, sizeof(info)));
}

TEST_F(SignalfdTest, OtherSignalsStayPending) {
  const Fd fd = Create({SIGUSR1});
  kill(getpid(), SIGUSR2);
  EXPECT_EQ(Read(fd).ssi_signo, 0u);
  const sigset_t set = SignalSet({SIGUSR2});
  int number = 0;
  EXPECT_EQ(sigwait(&set, &number), 0);
}

TEST_F(SignalfdTest, QueuedValuesAreRead) {
  const int number = SIGRTMIN + 4;
  const Fd fd = Create({number});
  for (int i = 0; i < 3; ++i) {
    sigval value = {};
    value.sival_int = i;
    ASSERT_EQ(sigqueue(getpid(), number, value), 0);
  }
  signalfd_siginfo infos[5] = {};
  EXPECT_EQ(read(fd.get(), infos, sizeof(infos)),
            static_cast<ssize_t>(3 * sizeof(signalfd_siginfo)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(infos[i].ssi_signo, static_cast<uint32_t>(number));
    EXPECT_EQ(infos[i].ssi_code, SI_QUEUE);
    EXPECT_EQ(infos[i].ssi_int, i);
  }
}

TEST_F(SignalfdTest, ReadHandsOutAsManyAsFit) {
  const Fd fd = Create({SIGUSR1, SIGUSR2});
  kill(getpid(), SIGUSR2);
  kill(getpid(), SIGUSR1);
  EXPECT_EQ(Read(fd).ssi_signo, uint32_t{SIGUSR1});
  EXPECT_EQ(Read(fd).ssi_signo, uint32_t{SIGUSR2});
}

TEST_F(SignalfdTest, PollShowsAPendingSignal) {
  const Fd fd = Create({SIGUSR1});
  EXPECT_EQ(Poll(fd), 0);
  kill(getpid(), SIGUSR1);
  EXPECT_EQ(Poll(fd), POLLIN);
  Read(fd);
  EXPECT_EQ(Poll(fd), 0);
}

TEST_F(SignalfdTest, BlockedReadIsWokenByASignal) {
  const Fd fd = Create({SIGUSR1}, 0);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  EXPECT_EQ(Read(fd).ssi_pid, static_cast<uint32_t>(pid));
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalfdTest, EpollIsWokenByASignal) {
  const Fd fd = Create({SIGUSR1});
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {EPOLLIN, {}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event), 0);
  const pid_t me = getpid();
  const pid_t pid = ForkChild([&] {
    CHILD_CHECK(WaitUntilAsleep(me));
    kill(me, SIGUSR1);
  });
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, -1), 1);
  EXPECT_EQ(Read(fd).ssi_signo, uint32_t{SIGUSR1});
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(SignalfdTest, ChildsEndIsRead) {
  const Fd fd = Create({SIGCHLD}, 0);
  const pid_t pid = ForkChild([] { return 5; });
  const signalfd_siginfo info = Read(fd);
  EXPECT_EQ(info.ssi_signo, uint32_t{SIGCHLD});
  EXPECT_EQ(info.ssi_code, CLD_EXITED);
  EXPECT_EQ(info.ssi_pid, static_cast<uint32_t>(pid));
  EXPECT_EQ(info.ssi_status, 5);
  EXPECT_EQ(WaitFor(pid), "exited 5");
}

TEST_F(SignalfdTest, MaskCanBeReplaced) {
  Fd fd = Create({SIGUSR1});
  kill(getpid(), SIGUSR2);
  EXPECT_EQ(Poll(fd), 0);
  const sigset_t set = SignalSet({SIGUSR2});
  ASSERT_EQ(signalfd(fd.get(), &set, 0), fd.get());
  EXPECT_EQ(Poll(fd), POLLIN);
  EXPECT_EQ(Read(fd).ssi_signo, uint32_t{SIGUSR2});
}

TEST_F(SignalfdTest, ReaderGetsItsOwnProcessesSignals) {
  // The descriptor belongs to both, the signals to whoever reads.
  const Fd fd = Create({SIGUSR1});
  EXPECT_EQ(RunInChild([&] {
              kill(getpid(), SIGUSR1);
              CHILD_CHECK(Read(fd).ssi_pid == static_cast<uint32_t>(getpid()));
              kill(getppid(), SIGUSR1);
            }),
            "exited 0");
  EXPECT_EQ(Poll(fd, -1), POLLIN);
  EXPECT_EQ(Read(fd).ssi_signo, uint32_t{SIGUSR1});
}

TEST_F(SignalfdTest, ThreadsReadTheirOwnDirectedSignals) {
  const Fd fd = Create({SIGUSR1});
  std::thread([&] {
    syscall(SYS_tgkill, getpid(), GetTid(), SIGUSR1);
    EXPECT_EQ(Poll(fd), POLLIN);
    EXPECT_EQ(Read(fd).ssi_code, SI_TKILL);
  }).join();
  EXPECT_EQ(Poll(fd), 0);
}

TEST_F(SignalfdTest, UnblockedSignalRunsItsHandlerInstead) {
  static volatile sig_atomic_t handled;
  handled = 0;
  ScopedAction action(SIGTERM, [](int) { handled = 1; });
  const Fd fd = Create({SIGTERM});
  kill(getpid(), SIGTERM);
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(Read(fd).ssi_signo, 0u);
}

TEST_F(SignalfdTest, KillAndStopAreSilentlyLeftOut) {
  const Fd fd = Create({SIGKILL, SIGSTOP, SIGUSR1});
  EXPECT_TRUE(fd.ok());
}

TEST_F(SignalfdTest, FlagsSetTheDescriptor) {
  EXPECT_EQ(fcntl(Create({}, 0).get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(Create({}, SFD_CLOEXEC).get(), F_GETFD), FD_CLOEXEC);
  EXPECT_NE(fcntl(Create({}, SFD_NONBLOCK).get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(SignalfdTest, BadArgumentsAreRefused) {
  const sigset_t set = SignalSet({SIGUSR1});
  const Fd fd = Create({SIGUSR1});
  const Fd file(memfd_create("no signals", MFD_CLOEXEC));
  char buffer[sizeof(signalfd_siginfo)] = {};
  EXPECT_ERRNO(EINVAL, signalfd(-1, &set, 1));
  EXPECT_ERRNO(EINVAL, signalfd(file.get(), &set, 0));
  EXPECT_ERRNO(EBADF, signalfd(999, &set, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_signalfd4, -1, &set, 4, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_signalfd4, -1, 8, 8, 0));
  EXPECT_ERRNO(EINVAL, read(fd.get(), buffer, sizeof(buffer) - 1));
  EXPECT_ERRNO(EINVAL, write(fd.get(), buffer, sizeof(buffer)));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EMFILE, ENFILE, ENODEV, ENOMEM (host conditions).
