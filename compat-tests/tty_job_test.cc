// Job control: foreground groups, the signals of the terminal's keys, SIGTTIN and SIGTTOU.
// tty_session_test.cc has sessions, window changes and hang-up.

#include "compat-tests/util/process_pty_util.h"

namespace compat {
namespace {

constexpr char kInterrupt[] = "\x03", kQuit[] = "\x1c", kSuspend[] = "\x1a";

class TtyJobTest : public TerminalTest {
 protected:
  void ExpectKeySends(const char* key, int number) {
    const pid_t pid = ForkSession([&] {
      const sigset_t set = SignalSet({number});
      sigprocmask(SIG_BLOCK, &set, nullptr);
      ready_.Send();
      siginfo_t info = {};
      CHILD_CHECK(sigwaitinfo(&set, &info) == number);
      CHILD_CHECK(info.si_code == SI_KERNEL);
      return 5;
    });
    ready_.Receive();
    pty_.Type(key);
    EXPECT_EQ(WaitFor(pid), "exited 5");
  }
};

TEST_F(TtyJobTest, ForegroundGroupIsSetAndRead) {
  EXPECT_EQ(RunSession([this] {
              const pid_t pid = ForkGroup(SleepForEver);
              CHILD_CHECK(tcsetpgrp(slave(), pid) == 0);
              CHILD_CHECK(tcgetpgrp(slave()) == pid);
              kill(pid, SIGKILL);
              WaitFor(pid);
              // From the background the call stops the caller, unless it ignores that.
              signal(SIGTTOU, SIG_IGN);
              CHILD_CHECK(tcsetpgrp(slave(), getpgrp()) == 0);
              CHILD_CHECK_ERRNO(EPERM, tcsetpgrp(slave(), getppid()));
              CHILD_CHECK_ERRNO(ESRCH, tcsetpgrp(slave(), 0x3fffff));
              CHILD_CHECK_ERRNO(EINVAL, tcsetpgrp(slave(), -1));
              return 0;
            }),
            "exited 0");
}

TEST_F(TtyJobTest, InterruptKeySendsSigint) { ExpectKeySends(kInterrupt, SIGINT); }
TEST_F(TtyJobTest, QuitKeySendsSigquit) { ExpectKeySends(kQuit, SIGQUIT); }
TEST_F(TtyJobTest, SuspendKeySendsSigtstp) { ExpectKeySends(kSuspend, SIGTSTP); }

TEST_F(TtyJobTest, InterruptKillsTheForegroundAndNotTheBackground) {
  const pid_t pid = ForkSession([this] {
    const pid_t foreground = ForkGroup(SleepForEver), background = ForkGroup(SleepForEver);
    CHILD_CHECK(tcsetpgrp(slave(), foreground) == 0);
    ready_.Send();
    CHILD_CHECK(WaitFor(foreground) == "killed by 2");
    CHILD_CHECK(waitpid(background, nullptr, WNOHANG) == 0);
    kill(background, SIGKILL);
    WaitFor(background);
    return 0;
  });
  ready_.Receive();
  pty_.Type(kInterrupt);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyJobTest, InterruptDropsTheLineTypedSoFar) {
  const pid_t pid = ForkSession([this] {
    signal(SIGINT, [](int) {});
    ready_.Send();
    char text[100] = {};
    ssize_t length = -1;
    while (length == -1) {
      length = read(slave(), text, sizeof(text));
    }
    CHILD_CHECK(std::string(text) == "kept\n");
    return 0;
  });
  ready_.Receive();
  pty_.Type(std::string("dropped") + kInterrupt + "kept\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyJobTest, WithoutIsigTheKeysAreInput) {
  pty_.ChangeAttributes([](termios& attributes) { attributes.c_lflag &= ~tcflag_t{ISIG}; });
  const pid_t pid = ForkSession([this] {
    CHILD_CHECK(pty_.Read() == "\x03\n");
    return 0;
  });
  pty_.Type("\x03\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyJobTest, SuspendStopsAndTheShellContinues) {
  const pid_t pid = ForkSession([this] {
    signal(SIGTTOU, SIG_IGN);
    const pid_t job = ForkGroup([this] {
      ready_.Send();
      return pty_.Read() == "input\n" ? 6 : 1;
    });
    CHILD_CHECK(tcsetpgrp(slave(), job) == 0);
    CHILD_CHECK(WaitFor(job, WUNTRACED) == "stopped by 20");
    CHILD_CHECK(tcsetpgrp(slave(), getpgrp()) == 0);
    CHILD_CHECK(tcsetpgrp(slave(), job) == 0);  // fg
    CHILD_CHECK(kill(-job, SIGCONT) == 0);
    ready_.Send();
    // The read may have begun before the group was in the foreground: then it stops once more.
    std::string status = WaitFor(job, WUNTRACED);
    while (status == "stopped by 21") {
      kill(-job, SIGCONT);
      status = WaitFor(job, WUNTRACED);
    }
    CHILD_CHECK(status == "exited 6");
    return 0;
  });
  ready_.Receive();
  EXPECT_TRUE(Eventually([&] {
    pid_t foreground = 0;
    return ioctl(pty_.master().get(), TIOCGPGRP, &foreground) == 0 && foreground != pid;
  }));
  pty_.Type(kSuspend);
  ready_.Receive();
  pty_.Type("input\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyJobTest, BackgroundReadStopsTheGroupWithSigttin) {
  EXPECT_EQ(RunSession([this] {
              const pid_t job = ForkGroup([this] {
                pty_.Read();
                return 1;
              });
              CHILD_CHECK(WaitFor(job, WUNTRACED) == "stopped by 21");
              kill(job, SIGKILL);
              WaitFor(job);
              return 0;
            }),
            "exited 0");
}

TEST_F(TtyJobTest, BackgroundReadFailsWithEioWhenSigttinIsIgnored) {
  EXPECT_EQ(RunSession([this] {
              const pid_t job = ForkGroup([this] {
                signal(SIGTTIN, SIG_IGN);
                char byte;
                CHILD_CHECK_ERRNO(EIO, read(slave(), &byte, 1));
                return 7;
              });
              CHILD_CHECK(WaitFor(job) == "exited 7");
              return 0;
            }),
            "exited 0");
}

TEST_F(TtyJobTest, BackgroundWriteIsAllowedUntilTostopIsSet) {
  EXPECT_EQ(RunSession([this] {
              CHILD_CHECK(WaitFor(ForkGroup([this] {
                            return write(slave(), "x", 1) == 1 ? 0 : 1;
                          })) == "exited 0");
              pty_.ChangeAttributes([](termios& attributes) { attributes.c_lflag |= TOSTOP; });
              const pid_t job = ForkGroup([this] {
                CHILD_CHECK(write(slave(), "x", 1) == 1);
                return 0;
              });
              CHILD_CHECK(WaitFor(job, WUNTRACED) == "stopped by 22");
              kill(job, SIGKILL);
              WaitFor(job);
              CHILD_CHECK(WaitFor(ForkGroup([this] {
                            signal(SIGTTOU, SIG_IGN);
                            return write(slave(), "x", 1) == 1 ? 0 : 1;
                          })) == "exited 0");
              return 0;
            }),
            "exited 0");
}

TEST_F(TtyJobTest, BackgroundChangeOfAttributesStopsTheGroup) {
  EXPECT_EQ(RunSession([this] {
              const pid_t job = ForkGroup([this] {
                const termios attributes = pty_.Attributes();
                tcsetattr(slave(), TCSANOW, &attributes);
                return 0;
              });
              CHILD_CHECK(WaitFor(job, WUNTRACED) == "stopped by 22");
              kill(job, SIGKILL);
              WaitFor(job);
              return 0;
            }),
            "exited 0");
}

TEST_F(TtyJobTest, BackgroundOfAnOrphanedGroupFailsWithEio) {
  // The leader's own group is orphaned: nobody could continue it.
  EXPECT_EQ(RunSession([this] {
              const pid_t job = ForkGroup(SleepForEver);
              CHILD_CHECK(tcsetpgrp(slave(), job) == 0);
              char byte;
              CHILD_CHECK_ERRNO(EIO, read(slave(), &byte, 1));
              kill(job, SIGKILL);
              WaitFor(job);
              return 0;
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat
