// Pseudo-terminals: opening, names, window sizes, canonical input, echo and output processing.
// tty_raw_test.cc has raw mode and hang-up, tty_job_test.cc sessions, signals and job control.

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "compat-tests/util/process_pty_util.h"

namespace compat {
namespace {

class TtyPtyTest : public DeadlineTest {
 protected:
  Pty pty_;
};

constexpr char kControlD = 4, kControlU = 21, kControlV = 22, kControlW = 23, kErase = 127;

TEST_F(TtyPtyTest, BothEndsAreTerminalsAndTheSlaveHasAName) {
  EXPECT_EQ(isatty(pty_.master().get()), 1);
  EXPECT_EQ(isatty(pty_.slave().get()), 1);
  EXPECT_EQ(pty_.name().rfind("/dev/pts/", 0), 0u);
  char name[64] = {};
  ASSERT_EQ(ttyname_r(pty_.slave().get(), name, sizeof(name)), 0);
  EXPECT_EQ(pty_.name(), name);
  struct stat status = {};
  ASSERT_EQ(stat(pty_.name().c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  EXPECT_EQ(major(status.st_rdev), 136u);
  EXPECT_EQ(status.st_uid, getuid());
  int number = -1;
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCGPTN, &number), 0);
  EXPECT_EQ(minor(status.st_rdev), static_cast<unsigned>(number));
}

TEST_F(TtyPtyTest, LockedSlaveCannotBeOpened) {
  const int locked = 1;
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCSPTLCK, &locked), 0);
  int seen = 0;
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCGPTLCK, &seen), 0);
  EXPECT_EQ(seen, 1);
  EXPECT_ERRNO(EIO, open(pty_.name().c_str(), O_RDWR | O_NOCTTY));
  ASSERT_EQ(unlockpt(pty_.master().get()), 0);
  EXPECT_TRUE(pty_.Open().ok());
}

TEST_F(TtyPtyTest, SlaveCanBeOpenedThroughTheMaster) {
  const Fd slave(ioctl(pty_.master().get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(slave.ok());
  char name[64] = {};
  ASSERT_EQ(ttyname_r(slave.get(), name, sizeof(name)), 0);
  EXPECT_EQ(pty_.name(), name);
}

TEST_F(TtyPtyTest, EachPairHasItsOwnName) {
  Pty other;
  EXPECT_NE(pty_.name(), other.name());
}

TEST_F(TtyPtyTest, NameVanishesWithTheMaster) {
  ASSERT_EQ(access(pty_.name().c_str(), F_OK), 0);
  pty_.master().Reset();
  EXPECT_ERRNO(ENOENT, access(pty_.name().c_str(), F_OK));
}

TEST_F(TtyPtyTest, StandardAttributesAreThoseOfLinux) {
  const termios attributes = pty_.Attributes();
  EXPECT_EQ(attributes.c_iflag, tcflag_t{ICRNL | IXON});
  EXPECT_EQ(attributes.c_oflag, tcflag_t{OPOST | ONLCR});
  EXPECT_EQ(attributes.c_lflag,
            tcflag_t{ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN});
  EXPECT_EQ(attributes.c_cflag & CSIZE, tcflag_t{CS8});
  EXPECT_EQ(attributes.c_cc[VINTR], 3);
  EXPECT_EQ(attributes.c_cc[VQUIT], 28);
  EXPECT_EQ(attributes.c_cc[VERASE], 127);
  EXPECT_EQ(attributes.c_cc[VKILL], 21);
  EXPECT_EQ(attributes.c_cc[VEOF], 4);
  EXPECT_EQ(attributes.c_cc[VSUSP], 26);
  EXPECT_EQ(attributes.c_cc[VMIN], 1);
  EXPECT_EQ(attributes.c_cc[VTIME], 0);
  EXPECT_EQ(cfgetospeed(&attributes), speed_t{B38400});
}

TEST_F(TtyPtyTest, AttributesAreOneForBothEnds) {
  pty_.SetEcho(false);
  termios seen = {};
  ASSERT_EQ(tcgetattr(pty_.master().get(), &seen), 0);
  EXPECT_EQ(seen.c_lflag & ECHO, 0u);
}

TEST_F(TtyPtyTest, WindowSizeIsKeptForBothEnds) {
  winsize size = {1, 1, 1, 1};
  ASSERT_EQ(ioctl(pty_.slave().get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_row, 0);
  EXPECT_EQ(size.ws_col, 0);
  const winsize wanted = {40, 132, 7, 8};
  ASSERT_EQ(ioctl(pty_.master().get(), TIOCSWINSZ, &wanted), 0);
  ASSERT_EQ(ioctl(pty_.slave().get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_row, 40);
  EXPECT_EQ(size.ws_col, 132);
  EXPECT_EQ(size.ws_xpixel, 7);
  EXPECT_EQ(size.ws_ypixel, 8);
}

TEST_F(TtyPtyTest, CanonicalInputComesByTheLine) {
  pty_.Type("incom");
  EXPECT_FALSE(pty_.IsReadable());
  pty_.Type("plete\nnext\n");
  EXPECT_TRUE(pty_.IsReadable());
  EXPECT_EQ(pty_.Read(), "incomplete\n");
  EXPECT_EQ(pty_.Read(), "next\n");
}

TEST_F(TtyPtyTest, ShortReadsTakeALineInPieces) {
  pty_.Type("abcdef\n");
  EXPECT_EQ(pty_.Read(4), "abcd");
  EXPECT_EQ(pty_.Read(4), "ef\n");
}

TEST_F(TtyPtyTest, BlockedReadIsWokenByTheEndOfTheLine) {
  const pid_t pid = ForkChild([&] { CHILD_CHECK(pty_.Read() == "typed\n"); });
  EXPECT_TRUE(WaitUntilAsleep(pid));
  pty_.Type("typed\n");
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(TtyPtyTest, EraseWordAndKillEditTheLine) {
  pty_.Type(std::string("wrong") + kErase + kErase + "ng\n");
  EXPECT_EQ(pty_.Read(), "wrong\n");
  pty_.Type(std::string("keep drop") + kControlW + "this\n");
  EXPECT_EQ(pty_.Read(), "keep this\n");
  pty_.Type(std::string("all gone") + kControlU + "new\n");
  EXPECT_EQ(pty_.Read(), "new\n");
  pty_.Type(std::string(1, kErase) + "x\n");  // Nothing to erase.
  EXPECT_EQ(pty_.Read(), "x\n");
}

TEST_F(TtyPtyTest, EndOfFileCharacterEndsALineWithoutItself) {
  pty_.Type(std::string("part") + kControlD);
  EXPECT_EQ(pty_.Read(), "part");
  pty_.Type(std::string(1, kControlD));
  char byte;
  EXPECT_EQ(read(pty_.slave().get(), &byte, 1), 0);
  pty_.Type("more\n");  // The terminal goes on.
  EXPECT_EQ(pty_.Read(), "more\n");
}

TEST_F(TtyPtyTest, NextCharacterCanBeTakenLiterally) {
  pty_.Type(std::string("a") + kControlV + kControlD + "b\n");
  EXPECT_EQ(pty_.Read(), std::string("a") + kControlD + "b\n");
}

TEST_F(TtyPtyTest, CarriageReturnIsANewlineUnlessTranslationIsOff) {
  pty_.Type("line\r");
  EXPECT_EQ(pty_.Read(), "line\n");
  pty_.ChangeAttributes([](termios& attributes) { attributes.c_iflag = IGNCR; });
  pty_.Type("a\rb\n");
  EXPECT_EQ(pty_.Read(), "ab\n");
  pty_.ChangeAttributes([](termios& attributes) { attributes.c_iflag = 0; });
  pty_.Type("a\rb\n");
  EXPECT_EQ(pty_.Read(), "a\rb\n");
}

TEST_F(TtyPtyTest, InputIsEchoed) {
  pty_.Type("hi\n");
  EXPECT_EQ(pty_.See(4), "hi\r\n");
  pty_.Type("\x01");  // Control characters are shown with a caret.
  EXPECT_EQ(pty_.See(2), "^A");
  pty_.Type(std::string("x") + kErase);
  EXPECT_EQ(pty_.See(4), "x\b \b");
}

TEST_F(TtyPtyTest, WithoutEchoNothingIsShown) {
  pty_.SetEcho(false);
  pty_.Type("secret\n");
  EXPECT_EQ(pty_.Read(), "secret\n");
  EXPECT_EQ(Pty::PollNow(pty_.master(), POLLIN), 0);
}

TEST_F(TtyPtyTest, OutputNewlinesGetACarriageReturn) {
  ASSERT_EQ(write(pty_.slave().get(), "a\nb", 3), 3);
  EXPECT_EQ(pty_.See(4), "a\r\nb");
  pty_.ChangeAttributes([](termios& attributes) { attributes.c_oflag &= ~tcflag_t{OPOST}; });
  ASSERT_EQ(write(pty_.slave().get(), "a\nb", 3), 3);
  EXPECT_EQ(pty_.See(3), "a\nb");
}

TEST_F(TtyPtyTest, FionreadCountsWhatCanBeRead) {
  const auto available = [&] {
    int count = -1;
    EXPECT_EQ(ioctl(pty_.slave().get(), FIONREAD, &count), 0);
    return count;
  };
  pty_.Type("abc");
  EXPECT_FALSE(pty_.IsReadable());
  EXPECT_EQ(available(), 0);  // No line yet.
  pty_.Type("de\n");
  EXPECT_TRUE(pty_.IsReadable());
  EXPECT_EQ(available(), 6);
}

TEST_F(TtyPtyTest, FlushDropsInput) {
  pty_.Type("dropped\n");
  ASSERT_TRUE(pty_.IsReadable());
  ASSERT_EQ(tcflush(pty_.slave().get(), TCIFLUSH), 0);
  EXPECT_FALSE(pty_.IsReadable());
  pty_.Type("kept\n");
  EXPECT_EQ(pty_.Read(), "kept\n");
}

TEST_F(TtyPtyTest, TcsaflushDropsInputToo) {
  pty_.Type("dropped\n");
  ASSERT_TRUE(pty_.IsReadable());
  termios attributes = pty_.Attributes();
  ASSERT_EQ(tcsetattr(pty_.slave().get(), TCSAFLUSH, &attributes), 0);
  EXPECT_FALSE(pty_.IsReadable());
}

TEST_F(TtyPtyTest, TwoDescriptorsOfOneTerminalShareTheInput) {
  const Fd second = pty_.Open();
  pty_.Type("one\ntwo\n");
  EXPECT_EQ(pty_.Read(), "one\n");
  EXPECT_EQ(Pty::ReadOnce(second, 100), "two\n");
}

TEST_F(TtyPtyTest, NonblockingReadFailsWithEagain) {
  const Fd slave = pty_.Open(O_NONBLOCK);
  char byte;
  EXPECT_ERRNO(EAGAIN, read(slave.get(), &byte, 1));
  pty_.Type("half");
  EXPECT_ERRNO(EAGAIN, read(slave.get(), &byte, 1));
  ASSERT_EQ(fcntl(pty_.master().get(), F_SETFL, O_NONBLOCK), 0);
  pty_.See(4);  // The echo.
  EXPECT_ERRNO(EAGAIN, read(pty_.master().get(), &byte, 1));
}

TEST_F(TtyPtyTest, CallsOnThingsThatAreNoTerminalFailWithEnotty) {
  Pipe pipe;
  const Fd file(memfd_create("regular", MFD_CLOEXEC));
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  termios attributes;
  winsize size;
  for (const int fd : {pipe.reader.get(), file.get(), null.get()}) {
    EXPECT_EQ(isatty(fd), 0);
    EXPECT_ERRNO(ENOTTY, tcgetattr(fd, &attributes));
    EXPECT_ERRNO(ENOTTY, ioctl(fd, TIOCGWINSZ, &size));
  }
  EXPECT_ERRNO(EBADF, tcgetattr(-1, &attributes));
  EXPECT_ERRNO(EFAULT, ioctl(pty_.slave().get(), TIOCGWINSZ, 8));
  EXPECT_ERRNO(ENOTTY, ioctl(pty_.slave().get(), TIOCGPTN, &size));
  EXPECT_ERRNO(ENOTTY, ioctl(pty_.slave().get(), 0x5499));
  EXPECT_ERRNO(EINVAL, tcflush(pty_.slave().get(), 9));
}

}  // namespace
}  // namespace compat
