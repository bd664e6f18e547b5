// Turns the command line into Options.
//
//   ukrun [flags] [--] COMMAND [ARG…]
//   ukrun doctor
//
// Flags stop at COMMAND: what follows belongs to it, however much it looks like a flag.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ukrun/options.h"

namespace ukrun {

// `args` is the command line without the program's name. A failure is one sentence that
// names the flag, the value and the reason.
absl::StatusOr<Options> ParseFlags(const std::vector<std::string>& args);

}  // namespace ukrun
