// Pseudo-terminals for the compat tests.

#pragma once

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/process_signal_util.h"

namespace compat {

// A pair of ends; the other end is opened without becoming anybody's controlling terminal.
class Pty {
 public:
  Pty() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_TRUE(master_.ok());
    EXPECT_EQ(grantpt(master_.get()), 0);
    EXPECT_EQ(unlockpt(master_.get()), 0);
    char name[64] = {};
    EXPECT_EQ(ptsname_r(master_.get(), name, sizeof(name)), 0);
    name_ = name;
    slave_ = Open();
    EXPECT_TRUE(slave_.ok());
  }

  Fd Open(int flags = 0) const {
    return Fd(open(name_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC | flags));
  }
  Fd& master() { return master_; }
  Fd& slave() { return slave_; }
  const std::string& name() const { return name_; }

  termios Attributes() const {
    termios attributes = {};
    EXPECT_EQ(tcgetattr(slave_.get(), &attributes), 0);
    return attributes;
  }
  template <typename Change>
  void ChangeAttributes(Change change) const {
    termios attributes = Attributes();
    change(attributes);
    EXPECT_EQ(tcsetattr(slave_.get(), TCSANOW, &attributes), 0);
  }
  // No translation, no echo; a read waits for `minimum` bytes or for `tenths` of a second.
  void MakeRaw(cc_t minimum = 1, cc_t tenths = 0) const {
    ChangeAttributes([&](termios& attributes) {
      cfmakeraw(&attributes);
      attributes.c_cc[VMIN] = minimum;
      attributes.c_cc[VTIME] = tenths;
    });
  }
  void SetEcho(bool on) const {
    ChangeAttributes([&](termios& attributes) {
      attributes.c_lflag = on ? attributes.c_lflag | ECHO : attributes.c_lflag & ~tcflag_t{ECHO};
    });
  }

  // What the user types.
  void Type(const std::string& text) const {
    EXPECT_EQ(write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What the program reads: one read.
  std::string Read(size_t size = 1000) const { return ReadOnce(slave_, size); }
  // What the user sees: everything until `size` bytes have come.
  std::string See(size_t size) const {
    std::string text;
    while (text.size() < size) {
      const std::string more = ReadOnce(master_, size - text.size());
      if (more.empty()) {
        break;
      }
      text += more;
    }
    return text;
  }

  static std::string ReadOnce(const Fd& fd, size_t size) {
    std::string text(size, '\0');
    const ssize_t length = read(fd.get(), text.data(), size);
    text.resize(length > 0 ? static_cast<size_t>(length) : 0);
    return text;
  }
  static short PollNow(const Fd& fd, short events) {
    pollfd item = {fd.get(), events, 0};
    poll(&item, 1, 0);
    return item.revents;
  }
  // Whether the program can read something now.
  bool IsReadable() const { return (PollNow(slave_, POLLIN) & POLLIN) != 0; }

 private:
  Fd master_;
  Fd slave_;
  std::string name_;
};

// A test with a terminal of its own and children that lead sessions on it.
class TerminalTest : public DeadlineTest {
 protected:
  // A child that leads a session whose terminal this is.
  template <typename Body>
  pid_t ForkSession(Body body) {
    return ForkChild([&, body] {
      CHILD_CHECK(setsid() == getpid());
      CHILD_CHECK(ioctl(pty_.slave().get(), TIOCSCTTY, 0) == 0);
      pty_.master().Reset();
      return body();
    });
  }
  template <typename Body>
  std::string RunSession(Body body) {
    return WaitFor(ForkSession(body));
  }

  int slave() { return pty_.slave().get(); }

  Pty pty_;
  Channel<> ready_;
};

// A member of a new group of its own.
template <typename Body>
pid_t ForkGroup(Body body) {
  const pid_t pid = ForkChild([&] {
    setpgid(0, 0);
    return body();
  });
  setpgid(pid, pid);
  return pid;
}

inline int SleepForEver() {
  for (;;) {
    pause();
  }
}

}  // namespace compat
