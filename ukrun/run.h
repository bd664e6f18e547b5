// `ukrun COMMAND`: prepares a sandbox, runs the command in it, cleans up.
#pragma once

#include "absl/status/statusor.h"
#include "ukrun/options.h"

namespace ukrun {

// Returns the exit status for the caller. A failure is one of ukrun's own.
absl::StatusOr<int> RunCommand(const Options& options);

}  // namespace ukrun
