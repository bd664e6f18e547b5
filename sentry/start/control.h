// The control socket to the supervisor: requests come in on a service thread, events go
// out (ukrun/sandbox.proto).
#pragma once

#include <string>

namespace ukrun {

struct SandboxEndReport {
  int wait_status = 0;
  uint64_t discarded_files = 0;
  uint64_t kept_files = 0;
  uint64_t unkept_files = 0;
  std::string keep_error;
};

void StartControl();
void SendStarted();
// The command could not be started; `status` is 126 or 127.
void SendStartError(const std::string& message, int status);
// The command has stopped (job control): the caller's shell gets to see it.
void SendStopped(int signal);
void SendExited(const SandboxEndReport& report);

}  // namespace ukrun
