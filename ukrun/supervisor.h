// Watches over one sandbox from its start to its end: passes signals and window sizes in,
// keeps its time and memory, notices when one of its processes dies, and ends the rest.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "ukrun/memory_watch.h"
#include "ukrun/options.h"
#include "ukrun/outcome.h"
#include "ukrun/sandbox.h"
#include "ukrun/signals.h"
#include "ukrun/terminal.h"

namespace ukrun {

class Supervisor {
 public:
  // All outlive the supervisor.
  Supervisor(const Options& options, uint64_t memory_bytes, Sandbox& sandbox, Signals& signals,
             Terminal& terminal);

  // Returns when the sandbox has come to an end, or has to.
  Outcome Watch();

 private:
  void HandleSignals();
  void HandleInterrupt();
  enum class Stopped { kItself, kItsGroup };
  void Suspend(Stopped stopped);
  void LookAtForeground();
  bool WaitsForForeground() const { return terminal_.present() && !terminal_.raw(); }
  void HandleEvents();
  void HandleDeaths();
  void HandleTime();
  void WatchMemory();
  void SendSignal(int signal);
  void SendWindow();
  void SendTerminalInput(proto::ControlRequest::TerminalInput input);
  void End(proto::ControlRequest::Reason reason);
  int PollTimeoutMs() const;

  const Options& options_;
  Sandbox& sandbox_;
  Signals& signals_;
  Terminal& terminal_;

  uint64_t memory_bytes_;
  MemoryWatch memory_;
  Outcome outcome_;
  bool over_ = false;
  // CLOCK_MONOTONIC, ns.
  std::optional<int64_t> time_limit_ns_;   // when --timeout strikes
  std::optional<int64_t> patience_ns_;     // when an end that was asked for is forced
  std::optional<int64_t> interrupted_ns_;  // the last SIGINT
  std::optional<int64_t> next_sample_ns_;  // of memory; none before the command runs
};

}  // namespace ukrun
