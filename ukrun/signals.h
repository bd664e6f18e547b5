// The signals that ukrun takes while a sandbox runs: they are blocked and read from a
// descriptor, so they are handled in the main loop and never in the middle of something.
#pragma once

#include <signal.h>

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "base/host_fd.h"

namespace ukrun {

class Signals {
 public:
  Signals() = default;
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Blocks the signals and opens the descriptor. Those that the caller ignores (nohup)
  // stay ignored.
  absl::Status Take();
  int fd() const { return fd_.get(); }
  // The next signal that has arrived, if any.
  std::optional<int> Next();

 private:
  HostFd fd_;
  bool taken_ = false;
  sigset_t before_{};
};

// The signals that the caller left ignored (nohup, a shell's background jobs). Requires:
// ukrun has not changed any disposition yet.
std::vector<int> IgnoredSignals();

}  // namespace ukrun
