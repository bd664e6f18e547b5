// ioctl_tty(2).
#include <asm/ioctls.h>

#include "sentry/fs/devpts/terminal.h"
#include "sentry/fs/devpts/terminal_files.h"
#include "sentry/signal/signals.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

// asm-generic/ioctls.h defines these by struct termios2, which only the kernel's own headers
// have beside struct termios.
constexpr uint32_t kTcgets2 = 0x802c542a;
constexpr uint32_t kTcsets2 = 0x402c542b;
constexpr uint32_t kTcsetsw2 = 0x402c542c;
constexpr uint32_t kTcsetsf2 = 0x402c542d;

// The speeds that have a code of their own; a pseudo-terminal only remembers them.
struct Speed {
  uint32_t code;
  uint32_t bits_per_second;
};
constexpr Speed kSpeeds[] = {
    {B0, 0},           {B50, 50},         {B75, 75},         {B110, 110},         {B134, 134},
    {B150, 150},       {B200, 200},       {B300, 300},       {B600, 600},         {B1200, 1200},
    {B1800, 1800},     {B2400, 2400},     {B4800, 4800},     {B9600, 9600},       {B19200, 19200},
    {B38400, 38400},   {B57600, 57600},   {B115200, 115200}, {B230400, 230400},   {B460800, 460800},
    {B500000, 500000}, {B576000, 576000}, {B921600, 921600}, {B1000000, 1000000},
};

uint32_t SpeedOf(const Termios& termios) {
  for (const Speed& speed : kSpeeds) {
    if (speed.code == (termios.control & CBAUD)) {
      return speed.bits_per_second;
    }
  }
  return 38400;
}

void SetSpeed(Termios& termios, uint32_t bits_per_second) {
  for (const Speed& speed : kSpeeds) {
    if (speed.bits_per_second == bits_per_second) {
      termios.control = (termios.control & ~static_cast<uint32_t>(CBAUD)) | speed.code;
    }
  }
}

// ioctls whose argument is a pointer to one value.
template <typename T>
Result<int64_t> Answer(Task& task, GuestAddr argument, const T& value) {
  TRY(task.memory().Write(argument, &value, sizeof(value)));
  return int64_t{0};
}

template <typename T>
Result<T> Argument(Task& task, GuestAddr argument) {
  T value{};
  TRY(task.memory().Read(&value, argument, sizeof(value)));
  return value;
}

}  // namespace

void Terminal::SetTermios(const Termios& termios) {
  auto state = state_.Lock();
  state->line.SetTermios(termios);
  // Readers may find that what is there is enough now.
  AfterTypingLocked(*state);
}

void Terminal::SetWindow(const WindowSize& window) {
  auto state = state_.Lock();
  if (state->window == window) {
    return;
  }
  state->window = window;
  SignalForegroundLocked(*state, abi::kSigWinch);
}

Result<int64_t> Terminal::Ioctl(Side side, Task& task, uint32_t request, GuestAddr argument) {
  switch (request) {
    case TIOCGWINSZ:
      return Answer(task, argument, window());
    case TIOCSWINSZ:
      SetWindow(TRY(Argument<WindowSize>(task, argument)));
      return int64_t{0};
    case FIONREAD: {
      auto state = state_.Lock();
      size_t size = side == Side::kMaster ? state->line.output_size() : state->line.InputSize();
      state.Unlock();
      return Answer(task, argument, static_cast<int32_t>(size));
    }
    case TIOCOUTQ:
      // What is written has arrived at the other end.
      return Answer(task, argument, int32_t{0});
    case TIOCEXCL:
    case TIOCNXCL:
      state_.Lock()->exclusive = request == TIOCEXCL;
      return int64_t{0};
    case TIOCGEXCL: {
      int32_t exclusive = state_.Lock()->exclusive ? 1 : 0;
      return Answer(task, argument, exclusive);
    }
    case TIOCGETD:
      return Answer(task, argument, int32_t{0});  // N_TTY
    case TIOCSETD:
      return TRY(Argument<int32_t>(task, argument)) == 0 ? Result<int64_t>(0) : Fail(EINVAL);
    case TIOCSTI:
      // As on Linux with dev.tty.legacy_tiocsti off: nobody types for somebody else.
      return Fail(EIO);
    case TCXONC:
    case TCFLSH:
    case TCSBRK:
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK:
      return FlowIoctl(side, task, request, argument);
    case TIOCSCTTY:
    case TIOCNOTTY:
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID:
      return SessionIoctl(side, task, request, argument);
    default:
      return ModeIoctl(task, request, argument);
  }
}

// --- Modes --------------------------------------------------------------------------------------

Result<int64_t> Terminal::ModeIoctl(Task& task, uint32_t request, GuestAddr argument) {
  switch (request) {
    case TCGETS:
      return Answer(task, argument, termios());
    case kTcgets2: {
      Termios2 modes{termios()};
      modes.input_speed = modes.output_speed = SpeedOf(modes.termios);
      return Answer(task, argument, modes);
    }
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
      TRY(ChangeModes(task, TRY(Argument<Termios>(task, argument)), request));
      return int64_t{0};
    case kTcsets2:
    case kTcsetsw2:
    case kTcsetsf2: {
      Termios2 modes = TRY(Argument<Termios2>(task, argument));
      SetSpeed(modes.termios, modes.output_speed);
      TRY(ChangeModes(task, modes.termios, request));
      return int64_t{0};
    }
    default:
      return Fail(ENOTTY);
  }
}

// Output is always drained, as it goes straight to the master.
Result<void> Terminal::ChangeModes(Task& task, const Termios& termios, uint32_t how) {
  TRY(CheckForeground(task, abi::kSigTtou));
  Termios wanted = termios;
  wanted.line = 0;
  if (how == TCSETSF || how == kTcsetsf2) {
    state_.Lock()->line.FlushInput();
  }
  SetTermios(wanted);
  return Ok();
}

// --- Flow ---------------------------------------------------------------------------------------

Result<int64_t> Terminal::FlowIoctl(Side side, Task& task, uint32_t request, GuestAddr argument) {
  if (side == Side::kSlave) {
    TRY(CheckForeground(task, abi::kSigTtou));
  }
  auto how = static_cast<int>(argument.value());
  if (request == TCXONC) {
    TRY(Flow(how));
  } else if (request == TCFLSH) {
    // Seen from the master, input is what the slave has written.
    if (side == Side::kMaster && how != TCIOFLUSH) {
      how = how == TCIFLUSH ? TCOFLUSH : how == TCOFLUSH ? TCIFLUSH : how;
    }
    TRY(Flush(how));
  }
  return int64_t{0};
}

Result<void> Terminal::Flush(int queue) {
  auto state = state_.Lock();
  if (queue != TCIFLUSH && queue != TCOFLUSH && queue != TCIOFLUSH) {
    return Fail(EINVAL);
  }
  if (queue != TCOFLUSH) {
    state->line.FlushInput();
    master_waiters_.Notify(Ready::kWritable);
  }
  if (queue != TCIFLUSH) {
    state->line.FlushOutput();
    slave_waiters_.Notify(Ready::kWritable);
  }
  AfterOutputLocked(*state);
  return Ok();
}

Result<void> Terminal::Flow(int action) {
  auto state = state_.Lock();
  const Termios& termios = state->line.termios();
  switch (action) {
    case TCOOFF:
      state->line.Stop();
      break;
    case TCOON:
      state->line.Start();
      slave_waiters_.Notify(Ready::kWritable);
      break;
    case TCIOFF:
    case TCION: {
      uint8_t key = termios.characters[action == TCIOFF ? VSTOP : VSTART];
      if (key != 0) {
        state->line.SendToMaster(static_cast<char>(key));
      }
      break;
    }
    default:
      return Fail(EINVAL);
  }
  AfterOutputLocked(*state);
  return Ok();
}

// --- Sessions -----------------------------------------------------------------------------------

Result<int64_t> Terminal::SessionIoctl(Side side, Task& task, uint32_t request,
                                       GuestAddr argument) {
  switch (request) {
    case TIOCSCTTY:
      TRY(Take(task, argument.value() == 1 ? Steal::kYes : Steal::kNo));
      return int64_t{0};
    case TIOCNOTTY:
      TRY(GiveUp(task));
      return int64_t{0};
    case TIOCSPGRP:
      TRY(SetForeground(task, TRY(Argument<int32_t>(task, argument))));
      return int64_t{0};
    default:
      break;
  }
  // A master may ask about the session of its slave, a slave about that of the caller only.
  if (side == Side::kSlave && !Controls(task)) {
    return Fail(ENOTTY);
  }
  if (request == TIOCGPGRP) {
    return Answer(task, argument, foreground_group());
  }
  return session_id() == 0 ? Fail(ENOTTY) : Answer(task, argument, session_id());
}

// --- The master ---------------------------------------------------------------------------------

Result<int64_t> Terminal::MasterIoctl(Task& task, uint32_t request, GuestAddr argument) {
  switch (request) {
    case TIOCGPTN:
      return Answer(task, argument, index_);
    case TIOCSPTLCK: {
      bool lock = TRY(Argument<int32_t>(task, argument)) != 0;
      state_.Lock()->locked = lock;
      return int64_t{0};
    }
    case TIOCGPTLCK: {
      int32_t locked = state_.Lock()->locked ? 1 : 0;
      return Answer(task, argument, locked);
    }
    case TIOCPKT: {
      bool on = TRY(Argument<int32_t>(task, argument)) != 0;
      auto state = state_.Lock();
      if (on && !state->packet_mode) {
        static_cast<void>(state->line.TakePacketEvents());
      }
      state->packet_mode = on;
      return int64_t{0};
    }
    case TIOCGPKT: {
      int32_t on = state_.Lock()->packet_mode ? 1 : 0;
      return Answer(task, argument, on);
    }
    case TIOCSIG: {
      auto signal = static_cast<int32_t>(argument.value());
      if (signal < 1 || signal >= abi::kSigRtMin) {
        return Fail(EINVAL);
      }
      SignalForeground(signal);
      return int64_t{0};
    }
    default:
      return Fail(ENOTTY);
  }
}

}  // namespace ukrun
