// Copies between the host's terminal and the master side of a terminal of the sandbox, on
// two service threads. Lives as long as the sandbox.
#pragma once

#include <atomic>
#include <memory>

#include "sentry/fs/devpts/terminal.h"
#include "sentry/task/sleeper.h"

namespace ukrun {

class TerminalPump {
 public:
  // Host descriptors; `input_fd` -1: nothing is read. They stay open.
  TerminalPump(RefPtr<Terminal> terminal, int input_fd, int output_fd);

  Terminal& terminal() { return *terminal_; }
  // Starts the threads. Errors: EAGAIN.
  Result<void> Start();
  // Whether to read from the host.
  void SetReading(bool reading);
  // Waits until all output has been written; at most until `deadline_ns` (CLOCK_MONOTONIC).
  void Flush(int64_t deadline_ns);

 private:
  static void InputMain(void* pump) { static_cast<TerminalPump*>(pump)->PumpInput(); }
  static void OutputMain(void* pump) { static_cast<TerminalPump*>(pump)->PumpOutput(); }
  void PumpInput();
  void PumpOutput();
  // Sleeps until the terminal has room for typed bytes and may be read. Returns the room.
  size_t WaitForRoom();
  // False once the host's terminal is gone.
  bool ReadOnce(size_t room);
  bool WriteAll(const char* data, size_t size);

  const RefPtr<Terminal> terminal_;
  const int input_fd_;
  const int output_fd_;

  Sleeper input_sleeper_;
  Sleeper output_sleeper_;
  std::atomic<bool> reading_{true};
  // Bytes have left the terminal and are on their way to the host.
  std::atomic<bool> writing_{false};
};

}  // namespace ukrun
