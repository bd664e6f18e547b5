// Terminals and sessions: the controlling terminal, window changes, hang-up, an interactive shell.

#include "compat-tests/util/process_exec_util.h"
#include "compat-tests/util/process_pty_util.h"

namespace compat {
namespace {

class TtySessionTest : public TerminalTest {};

TEST_F(TtySessionTest, SessionLeaderAcquiresATerminal) {
  EXPECT_EQ(RunSession([this] {
              CHILD_CHECK(tcgetsid(slave()) == getpid());
              CHILD_CHECK(tcgetpgrp(slave()) == getpid());
              const Fd tty(open("/dev/tty", O_RDWR));
              CHILD_CHECK(tty.ok() && isatty(tty.get()));
              CHILD_CHECK(tcgetsid(tty.get()) == getpid());
              return 0;
            }),
            "exited 0");
}

TEST_F(TtySessionTest, LeaderAcquiresTheFirstTerminalThatItOpens) {
  EXPECT_EQ(RunInChild([this] {
              CHILD_CHECK(setsid() == getpid());
              const Fd first(open(pty_.name().c_str(), O_RDWR | O_NOCTTY));
              CHILD_CHECK_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
              const Fd second(open(pty_.name().c_str(), O_RDWR));
              CHILD_CHECK(Fd(open("/dev/tty", O_RDWR)).ok());
            }),
            "exited 0");
}

TEST_F(TtySessionTest, WithoutATerminalDevTtyFailsWithEnxio) {
  EXPECT_EQ(RunInChild([this] {
              CHILD_CHECK(setsid() == getpid());
              CHILD_CHECK_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
              CHILD_CHECK_ERRNO(ENOTTY, tcgetpgrp(slave()));
              CHILD_CHECK_ERRNO(ENOTTY, tcgetsid(slave()));
              CHILD_CHECK_ERRNO(ENOTTY, tcsetpgrp(slave(), getpgrp()));
            }),
            "exited 0");
}

TEST_F(TtySessionTest, OnlyALeaderWithoutATerminalMayAcquireOne) {
  Pty other;
  EXPECT_EQ(RunSession([&, this] {
              CHILD_CHECK_ERRNO(EPERM, ioctl(other.slave().get(), TIOCSCTTY, 0));
              CHILD_CHECK(RunInChild([&] {
                            CHILD_CHECK_ERRNO(EPERM, ioctl(other.slave().get(), TIOCSCTTY, 0));
                          }) == "exited 0");
              // Another session cannot take this one either.
              CHILD_CHECK(RunInChild([&] {
                            CHILD_CHECK(setsid() == getpid());
                            CHILD_CHECK_ERRNO(EPERM, ioctl(slave(), TIOCSCTTY, 0));
                          }) == "exited 0");
              return 0;
            }),
            "exited 0");
}

TEST_F(TtySessionTest, LeaderGivesItsTerminalUp) {
  EXPECT_EQ(RunSession([this] {
              signal(SIGHUP, SIG_IGN);
              signal(SIGCONT, SIG_IGN);
              CHILD_CHECK(ioctl(slave(), TIOCNOTTY) == 0);
              CHILD_CHECK_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
              return 0;
            }),
            "exited 0");
}

TEST_F(TtySessionTest, NewSessionOfAChildHasNoTerminal) {
  EXPECT_EQ(RunSession([] {
              return RunInChild([] {
                       CHILD_CHECK(Fd(open("/dev/tty", O_RDWR)).ok());  // Inherited.
                       CHILD_CHECK(setsid() == getpid());               // And lost.
                       CHILD_CHECK_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
                     }) == "exited 0"
                         ? 0
                         : 1;
            }),
            "exited 0");
}

TEST_F(TtySessionTest, WindowChangeSignalsTheForegroundGroup) {
  const pid_t pid = ForkSession([this] {
    const sigset_t set = SignalSet({SIGWINCH});
    signal(SIGWINCH, [](int) {});
    sigprocmask(SIG_BLOCK, &set, nullptr);
    ready_.Send();
    siginfo_t info = {};
    CHILD_CHECK(sigwaitinfo(&set, &info) == SIGWINCH);
    winsize size = {};
    CHILD_CHECK(ioctl(slave(), TIOCGWINSZ, &size) == 0);
    return int{size.ws_row};
  });
  ready_.Receive();
  const winsize size = {33, 99, 0, 0};
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCSWINSZ, &size), 0);
  EXPECT_EQ(WaitFor(pid), "exited 33");
}

TEST_F(TtySessionTest, UnchangedWindowSizeSendsNoSignal) {
  const winsize size = {33, 99, 0, 0};
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCSWINSZ, &size), 0);
  const pid_t pid = ForkSession([this] {
    signal(SIGWINCH, [](int) { _exit(1); });
    ready_.Send();
    return pty_.Read() == "done\n" ? 0 : 2;
  });
  ready_.Receive();
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCSWINSZ, &size), 0);
  pty_.Type("done\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtySessionTest, ClosedMasterHangsUpTheSession) {
  const pid_t pid = ForkSession([this] {
    ready_.Send();
    return SleepForEver();
  });
  ready_.Receive();
  pty_.slave().Reset();
  pty_.master().Reset();
  EXPECT_EQ(WaitFor(pid), "killed by 1");
}

TEST_F(TtySessionTest, EndOfTheLeaderHangsUpTheForegroundGroup) {
  Channel<pid_t> pids;
  Pipe alive;
  const pid_t pid = ForkSession([&, this] {
    const pid_t job = ForkGroup([this] {
      signal(SIGHUP, [](int) { _exit(0); });
      ready_.Send();
      return SleepForEver();
    });
    CHILD_CHECK(tcsetpgrp(slave(), job) == 0);
    ready_.Receive();
    return 0;
  });
  alive.writer.Reset();
  EXPECT_EQ(WaitFor(pid), "exited 0");
  char byte;
  EXPECT_EQ(read(alive.reader.get(), &byte, 1), 0);  // Nobody is left who could write.
}

TEST_F(TtySessionTest, ShellRunsInteractively) {
  const pid_t pid = ForkSession([this] {
    for (const int fd : {0, 1, 2}) {
      CHILD_CHECK(dup2(slave(), fd) == fd);
    }
    setenv("PS1", "prompt> ", 1);
    execl("/bin/sh", "sh", "-i", nullptr);
    return kChildFailed;
  });
  pty_.slave().Reset();
  std::string seen;
  const auto wait_for = [&](const std::string& text) {
    while (seen.find(text) == std::string::npos) {
      const std::string more = Pty::ReadOnce(pty_.master(), 1000);
      if (more.empty()) {
        return false;
      }
      seen += more;
    }
    seen.clear();
    return true;
  };
  EXPECT_TRUE(wait_for("prompt> "));
  pty_.Type("echo result $((40 + 2))\n");
  EXPECT_TRUE(wait_for("result 42"));
  pty_.Type("exit 9\n");
  EXPECT_EQ(WaitFor(pid), "exited 9");
}

}  // namespace
}  // namespace compat
