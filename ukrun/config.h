// Builds the two configurations of a sandbox from the options and the host's facts.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ukrun/installation.h"
#include "ukrun/options.h"
#include "ukrun/sandbox.pb.h"

namespace ukrun {

struct SandboxPlan {
  std::vector<std::string> arguments;    // of the command
  std::vector<std::string> environment;  // NAME=VALUE
  proto::SandboxConfig sentry;
  proto::GoferConfig gofer;
};

// Everything but what depends on open descriptors (terminals, trace files).
absl::StatusOr<SandboxPlan> PlanSandbox(const Options& options, const Installation& files);

}  // namespace ukrun
