#include "sentry/fs/stdio/terminal_pump.h"

#include <poll.h>
#include <sys/syscall.h>

#include <array>

#include "base/host_call.h"
#include "base/thread.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr size_t kPieceBytes = 4096;
constexpr int64_t kRetryNs = 50'000'000;
constexpr int64_t kFlushStepNs = 1'000'000;

}  // namespace

TerminalPump::TerminalPump(RefPtr<Terminal> terminal, int input_fd, int output_fd)
    : terminal_(std::move(terminal)), input_fd_(input_fd), output_fd_(output_fd) {}

Result<void> TerminalPump::Start() {
  if (input_fd_ >= 0) {
    TRY(StartKernelThread(&InputMain, this));
  }
  return StartKernelThread(&OutputMain, this);
}

void TerminalPump::SetReading(bool reading) {
  reading_.store(reading);
  input_sleeper_.Wake();
}

// --- Host to guest ------------------------------------------------------------------------------

size_t TerminalPump::WaitForRoom() {
  SleeperWaiter waiter(input_sleeper_);
  terminal_->master_waiters().Add(waiter, Ready::kWritable);
  size_t room = 0;
  for (;;) {
    uint32_t seen = input_sleeper_.Prepare();
    room = terminal_->TypeSpace();
    if (room > 0 && reading_.load()) {
      break;
    }
    input_sleeper_.Sleep(seen, -1);
  }
  terminal_->master_waiters().Remove(waiter);
  return room;
}

void TerminalPump::PumpInput() {
  for (;;) {
    size_t room = WaitForRoom();
    // Waiting takes nothing from anybody; whether to read is decided after it.
    pollfd poll{input_fd_, POLLIN, 0};
    RawHostCall(SYS_poll, &poll, 1, -1);
    if (reading_.load() && poll.revents != 0 && !ReadOnce(room)) {
      terminal_->CloseMaster();
      return;
    }
  }
}

bool TerminalPump::ReadOnce(size_t room) {
  std::array<char, kPieceBytes> piece;
  Result<long> got = HostCall(SYS_read, input_fd_, piece.data(), std::min(room, piece.size()));
  if (got.ok() && *got > 0) {
    terminal_->Type(std::string_view(piece.data(), static_cast<size_t>(*got)));
    return true;
  }
  // A terminal refuses to be read from the background too (EIO): that passes.
  pollfd poll{input_fd_, POLLIN, 0};
  RawHostCall(SYS_poll, &poll, 1, 0);
  if (got.Is(EAGAIN) || (got.Is(EIO) && (poll.revents & POLLHUP) == 0)) {
    std::atomic<uint32_t> never{0};
    HostFutexWait(never, 0, DeadlineAfter(kRetryNs));
    return true;
  }
  return false;
}

// --- Guest to host ------------------------------------------------------------------------------

void TerminalPump::PumpOutput() {
  SleeperWaiter waiter(output_sleeper_);
  terminal_->master_waiters().Add(waiter, Ready::kReadable);
  std::array<char, kPieceBytes> piece;
  bool host_takes = true;
  for (;;) {
    uint32_t seen = output_sleeper_.Prepare();
    writing_.store(true);
    size_t size = terminal_->TakeOutput(piece.data(), piece.size());
    if (size > 0) {
      // What nobody wants is dropped, so that the guest does not wait for ever.
      host_takes = host_takes && WriteAll(piece.data(), size);
      continue;
    }
    writing_.store(false);
    output_sleeper_.Sleep(seen, -1);
  }
}

bool TerminalPump::WriteAll(const char* data, size_t size) {
  while (size > 0) {
    Result<long> put = HostCall(SYS_write, output_fd_, data, size);
    if (put.Is(EAGAIN)) {
      pollfd poll{output_fd_, POLLOUT, 0};
      RawHostCall(SYS_poll, &poll, 1, -1);
      continue;
    }
    if (!put.ok()) {
      return false;
    }
    data += *put;
    size -= static_cast<size_t>(*put);
  }
  return true;
}

void TerminalPump::Flush(int64_t deadline_ns) {
  std::atomic<uint32_t> never{0};
  // The order matters: `writing_` is set before bytes leave the terminal.
  while ((terminal_->OutputSize() > 0 || writing_.load()) && MonotonicNow() < deadline_ns) {
    HostFutexWait(never, 0, DeadlineAfter(kFlushStepNs));
  }
}

}  // namespace ukrun
