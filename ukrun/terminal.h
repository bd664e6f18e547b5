// The caller's terminal. While the sandbox runs, the guest's own terminal does all the
// work of one (echo, line editing, Ctrl-C), so the caller's passes bytes through raw. The
// Sentry moves the bytes; ukrun only sets the modes, and puts them back on every way out.
#pragma once

#include <termios.h>

#include <cstdint>
#include <string>

#include "ukrun/sandbox.pb.h"

namespace ukrun {

// Bit N is set when standard stream N is a terminal.
uint32_t TerminalStreams();

// The size of the terminal behind the first standard stream that is one; zeros if none is.
proto::WindowSize TerminalWindow();

class Terminal {
 public:
  // Remembers the modes of standard input, if it is a terminal.
  Terminal();
  ~Terminal() { Restore(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  bool present() const { return present_; }
  bool raw() const { return raw_; }
  // The modes at construction as the kernel lays them out (struct termios of 36 bytes),
  // empty without a terminal.
  std::string ModesForGuest() const;

  // False while another job of the caller's shell has the terminal. True without one.
  bool InForeground() const;

  // Requires: InForeground(), or the host stops this process (SIGTTOU) until it is.
  void EnterRaw();
  void Restore();

 private:
  bool present_ = false;
  bool raw_ = false;
  termios saved_{};
};

}  // namespace ukrun
