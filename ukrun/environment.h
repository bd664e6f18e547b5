// The environment that the guest starts with: a short list of the caller's variables and
// what --env adds. Tokens and passwords tend to live in the rest.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace ukrun {

// A list of NAME=VALUE.
using Environment = std::vector<std::string>;

// True for the names that pass without being asked for: PATH, HOME, USER, SHELL, LANG,
// LC_*, TERM, TZ and PWD.
bool PassesByDefault(absl::string_view name);

// The guest's environment: what passes of `caller`, with PWD set to `cwd`, then `added`
// (--env): NAME=VALUE sets, NAME alone takes the caller's value and is dropped where the
// caller has none. A later entry replaces an earlier one of the same name.
Environment GuestEnvironment(const Environment& caller, const std::vector<std::string>& added,
                             absl::string_view cwd);

// This process's own environment.
Environment CallerEnvironment();

}  // namespace ukrun
