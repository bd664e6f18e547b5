#include "sentry/fs/devpts/terminal.h"

#include <asm/ioctls.h>

#include <algorithm>
#include <array>

#include "sentry/fs/devpts/devpts_file_system.h"
#include "sentry/kernel.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr size_t kPieceBytes = 2048;
constexpr int64_t kTenthNs = 100'000'000;  // the unit of VTIME

// A write, piece by piece: `space` says how much there is room for now, or why it cannot go
// on; `put` takes a piece. A part that was written counts, whatever stops the rest.
template <typename Space, typename Put>
Result<size_t> WritePieces(GuestIo& io, Space space, Put put) {
  std::array<char, kPieceBytes> piece;
  size_t done = 0;
  while (io.size() > 0) {
    Result<size_t> loaded = space();
    if (loaded.ok()) {
      loaded = *loaded == 0 ? Fail(EAGAIN)
                            : io.Load(piece.data(), std::min({*loaded, piece.size(), io.size()}));
    }
    if (!loaded.ok()) {
      return done > 0 ? Result<size_t>(done) : loaded;
    }
    put(std::string_view(piece.data(), *loaded));
    done += *loaded;
  }
  return done;
}

}  // namespace

Result<RefPtr<Terminal>> Terminal::Create(uint32_t uid) {
  DevptsFileSystem& devpts = DevptsFileSystem::Instance();
  uint32_t index = TRY(devpts.AllocateIndex());
  auto terminal = RefPtr<Terminal>::Adopt(new Terminal(index));
  devpts.AddTerminal(*terminal, uid);
  return terminal;
}

Terminal::Terminal(uint32_t index)
    : index_(index), read_timer_(kernel().timers(), slave_waiters_) {}

Terminal::~Terminal() {
  read_timer_.Cancel();
  DevptsFileSystem::Instance().ReleaseIndex(index_);
}

// Signals first: what is typed after Ctrl-C must not reach the interrupted program before
// the signal does.
void Terminal::AfterTypingLocked(State& state) {
  uint32_t signals = state.line.TakeSignals();
  for (int signal = 1; signals != 0 && signal < 32; ++signal) {
    if ((signals >> signal & 1) != 0) {
      SignalForegroundLocked(state, signal);
    }
  }
  if (state.line.HasInput()) {
    slave_waiters_.Notify(Ready::kReadable);
  }
  if (state.line.WriteSpace() > 0) {
    slave_waiters_.Notify(Ready::kWritable);
  }
  AfterOutputLocked(state);
}

void Terminal::AfterOutputLocked(State& state) {
  if (state.packet_mode && state.line.packet_events() != 0) {
    master_waiters_.Notify(Ready::kReadable | Ready::kPriority);
  } else if (state.line.output_size() > 0) {
    master_waiters_.Notify(Ready::kReadable);
  }
}

// --- Master -----------------------------------------------------------------------------------

Result<size_t> Terminal::MasterRead(GuestIo& io) {
  if (io.size() == 0) {
    return size_t{0};
  }
  std::array<char, kPieceBytes> piece;
  size_t size = 0;
  {
    auto state = state_.Lock();
    if (state->packet_mode) {
      // Each read begins with a byte that says what follows: data (0), or nothing but what
      // has happened (ioctl_tty(2), TIOCPKT).
      uint8_t events = state->line.TakePacketEvents();
      if (events == 0 && state->line.output_size() == 0) {
        return state->slaves_closed ? Fail(EIO) : Fail(EAGAIN);
      }
      piece[0] = static_cast<char>(events);
      size = 1;
      if (events == 0) {
        size_t room = std::min(io.size(), piece.size()) - 1;
        size += state->line.TakeOutput(piece.data() + 1, room);
      }
    } else {
      size = state->line.TakeOutput(piece.data(), std::min(io.size(), piece.size()));
      if (size == 0) {
        return state->slaves_closed ? Fail(EIO) : Fail(EAGAIN);
      }
    }
    if (state->line.WriteSpace() > 0) {
      slave_waiters_.Notify(Ready::kWritable);
    }
  }
  return io.Store(piece.data(), size);
}

Result<size_t> Terminal::MasterWrite(GuestIo& io) {
  MutexGuard writer(master_write_lock_);
  auto space = [&] { return Result<size_t>(TypeSpace()); };
  return WritePieces(io, space, [&](std::string_view piece) {
    auto state = state_.Lock();
    state->line.Type(piece);
    AfterTypingLocked(*state);
  });
}

Ready Terminal::MasterReadiness() {
  auto state = state_.Lock();
  Ready ready = state->line.TypeSpace() > 0 ? Ready::kWritable : Ready::kNone;
  if (state->line.output_size() > 0) {
    ready |= Ready::kReadable;
  }
  if (state->packet_mode && state->line.packet_events() != 0) {
    ready |= Ready::kReadable | Ready::kPriority;
  }
  if (state->slaves_closed) {
    ready |= Ready::kHangUp;
  }
  return ready;
}

size_t Terminal::Type(std::string_view bytes) {
  auto state = state_.Lock();
  size_t taken = std::min(bytes.size(), state->line.TypeSpace());
  state->line.Type(bytes.substr(0, taken));
  AfterTypingLocked(*state);
  return taken;
}

size_t Terminal::TypeSpace() { return state_.Lock()->line.TypeSpace(); }

size_t Terminal::TakeOutput(char* to, size_t size) {
  auto state = state_.Lock();
  size_t taken = state->line.TakeOutput(to, size);
  if (taken > 0 && state->line.WriteSpace() > 0) {
    slave_waiters_.Notify(Ready::kWritable);
  }
  return taken;
}

void Terminal::CloseMaster() {
  // The node goes first: whoever sees the hang-up does not find it any more.
  DevptsFileSystem::Instance().RemoveTerminal(index_);
  Parted parted;
  auto state = state_.Lock();
  state->master_closed = true;
  parted = HangUpLocked(*state);
}

// --- Slave ------------------------------------------------------------------------------------

Result<Terminal::Hangups> Terminal::SlaveOpened(Task& task) {
  auto state = state_.Lock();
  if (state->locked || state->master_closed) {
    return Fail(EIO);
  }
  if (state->exclusive && !task.credentials().Has(Capability::kSysAdmin)) {
    return Fail(EBUSY);
  }
  ++state->open_slaves;
  state->slaves_closed = false;
  return hangups_.load();
}

void Terminal::SlaveClosed() {
  Parted parted;
  auto state = state_.Lock();
  if (--state->open_slaves > 0) {
    return;
  }
  state->slaves_closed = true;
  state->exclusive = false;
  // As on Linux, a terminal that nobody has open controls nobody.
  parted = DetachLocked(*state);
  master_waiters_.Notify(Ready::kHangUp);
}

Result<size_t> Terminal::SlaveRead(Task& task, GuestIo& io, Hangups opened, bool nonblocking) {
  if (HungUp(opened)) {
    return size_t{0};
  }
  TRY(CheckForeground(task, abi::kSigTtin));
  if (io.size() == 0) {
    return size_t{0};
  }
  std::string bytes;
  {
    auto state = state_.Lock();
    if (HungUp(opened)) {
      return size_t{0};
    }
    bytes.resize(TRY(ReadableNow(*state, io, nonblocking)));
    bytes.resize(state->line.TakeInput(bytes.data(), bytes.size()));
    // There is room to type again, and what was typed before may be processed by now.
    AfterTypingLocked(*state);
    if (state->line.TypeSpace() > 0) {
      master_waiters_.Notify(Ready::kWritable);
    }
  }
  return io.Store(bytes.data(), bytes.size());
}

// The rules of termios(3), "Canonical and noncanonical mode".
Result<size_t> Terminal::ReadableNow(State& state, GuestIo& io, bool nonblocking) {
  constexpr size_t kMost = 4096;  // more is never there
  size_t room = std::min(io.size(), kMost);
  const Termios& termios = state.line.termios();
  if ((termios.local & ICANON) != 0) {
    return state.line.HasInput() ? Result<size_t>(room) : Fail(EAGAIN);
  }
  size_t least = termios.characters[VMIN];
  int64_t time_ns = termios.characters[VTIME] * kTenthNs;
  size_t available = state.line.InputSize();
  if (least == 0 && time_ns == 0) {
    return room;  // whatever there is, be it nothing
  }
  size_t wanted = std::clamp(least, size_t{1}, room);
  if (available >= wanted || (nonblocking && available > 0)) {
    return room;
  }
  if (time_ns == 0 || nonblocking) {
    return Fail(EAGAIN);
  }
  // With VMIN the clock runs between bytes: from the first on, and anew with each.
  if (least > 0 && available == 0) {
    return Fail(EAGAIN);
  }
  GuestIo::Patience& patience = io.patience;
  int64_t now = MonotonicNow();
  if (patience.deadline_ns == 0 || patience.seen != available) {
    patience.deadline_ns = now + time_ns;
    patience.seen = available;
  }
  if (now >= patience.deadline_ns) {
    return room;
  }
  read_timer_.Set(patience.deadline_ns);
  return Fail(EAGAIN);
}

Result<size_t> Terminal::SlaveWrite(Task& task, GuestIo& io, Hangups opened) {
  if (HungUp(opened)) {
    return Fail(EIO);
  }
  if ((termios().local & TOSTOP) != 0) {
    TRY(CheckForeground(task, abi::kSigTtou));
  }
  MutexGuard writer(slave_write_lock_);
  auto space = [&]() -> Result<size_t> {
    if (HungUp(opened)) {
      return Fail(EIO);
    }
    return state_.Lock()->line.WriteSpace();
  };
  return WritePieces(io, space, [&](std::string_view piece) {
    auto state = state_.Lock();
    state->line.Write(piece);
    AfterOutputLocked(*state);
  });
}

Ready Terminal::SlaveReadiness(Hangups opened) {
  if (HungUp(opened)) {
    return Ready::kReadable | Ready::kWritable | Ready::kError | Ready::kHangUp;
  }
  auto state = state_.Lock();
  Ready ready = state->line.WriteSpace() > 0 ? Ready::kWritable : Ready::kNone;
  const Termios& termios = state->line.termios();
  bool lines = (termios.local & ICANON) != 0;
  // Without lines, poll(2) waits for as many bytes as read(2) would.
  size_t least = termios.characters[VTIME] == 0 ? termios.characters[VMIN] : 1;
  bool readable =
      lines ? state->line.HasInput() : state->line.InputSize() >= std::max(least, size_t{1});
  if (readable) {
    ready |= Ready::kReadable;
  }
  return ready;
}

}  // namespace ukrun
