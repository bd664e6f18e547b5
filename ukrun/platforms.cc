#include "ukrun/platforms.h"

#include "absl/status/status.h"
#include "ukrun/probes.h"

namespace ukrun {

std::vector<std::string> PlatformNames() { return {"ptrace"}; }

absl::StatusOr<std::string> ChoosePlatform(const std::string& wanted) {
  // There is one platform so far, so "auto" and its name come to the same.
  if (YamaScope() == 3) {
    return absl::FailedPreconditionError(
        "the ptrace platform cannot be used: this machine forbids ptrace "
        "(kernel.yama.ptrace_scope is 3; it can be lowered only by a restart)");
  }
  return wanted == "auto" ? PlatformNames().front() : wanted;
}

}  // namespace ukrun
