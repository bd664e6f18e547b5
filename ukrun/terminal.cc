#include "ukrun/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace ukrun {
namespace {

// The kernel's struct termios (TCGETS); the C library's has more control characters.
struct KernelTermios {
  uint32_t input;
  uint32_t output;
  uint32_t control;
  uint32_t local;
  uint8_t line;
  std::array<uint8_t, 19> characters;
};
static_assert(sizeof(KernelTermios) == 36);

}  // namespace

uint32_t TerminalStreams() {
  uint32_t streams = 0;
  for (int fd = 0; fd <= 2; ++fd) {
    if (isatty(fd) == 1) {
      streams |= 1U << fd;
    }
  }
  return streams;
}

proto::WindowSize TerminalWindow() {
  proto::WindowSize window;
  for (int fd = 0; fd <= 2; ++fd) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
      window.set_rows(size.ws_row);
      window.set_columns(size.ws_col);
      window.set_x_pixels(size.ws_xpixel);
      window.set_y_pixels(size.ws_ypixel);
      break;
    }
  }
  return window;
}

Terminal::Terminal() { present_ = tcgetattr(STDIN_FILENO, &saved_) == 0; }

std::string Terminal::ModesForGuest() const {
  if (!present_) {
    return "";
  }
  KernelTermios modes{saved_.c_iflag, saved_.c_oflag, saved_.c_cflag,
                      saved_.c_lflag, saved_.c_line,  {}};
  std::memcpy(modes.characters.data(), saved_.c_cc, modes.characters.size());
  std::string bytes(sizeof(modes), '\0');
  std::memcpy(bytes.data(), &modes, sizeof(modes));
  return bytes;
}

bool Terminal::InForeground() const {
  // A terminal that is not this session's has no foreground to be in: -1.
  pid_t foreground = present_ ? tcgetpgrp(STDIN_FILENO) : -1;
  return foreground < 0 || foreground == getpgrp();
}

void Terminal::EnterRaw() {
  if (!present_ || raw_) {
    return;
  }
  termios raw = saved_;
  cfmakeraw(&raw);
  if ((TerminalStreams() & (1U << STDOUT_FILENO)) == 0) {
    // Whoever takes the command's output at the other end of a pipe may write to the terminal
    // itself, and counts on a line feed to begin a line.
    raw.c_oflag = saved_.c_oflag;
  }
  raw_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void Terminal::Restore() {
  if (!raw_) {
    return;
  }
  // From the background this would stop ukrun; the modes have to go back all the same.
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTTOU);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  raw_ = false;
}

}  // namespace ukrun
