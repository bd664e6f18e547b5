// The platforms as the command line knows them. What a platform is and does is the
// Sentry's business (platform/platform.h); here are their names and what they need.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ukrun {

// In the order of preference of --platform=auto.
std::vector<std::string> PlatformNames();

// The platform to use for --platform=`wanted`, "auto" or one of PlatformNames(). Fails
// with a sentence that says what this machine lacks and what would change it.
absl::StatusOr<std::string> ChoosePlatform(const std::string& wanted);

}  // namespace ukrun
