// The second ring: the seccomp allowlist of the Sentry itself and of every guest host
// process. The supervisor has made the program (ukrun/filters.cc); host processes cloned
// later inherit it.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace ukrun {

// Installs the program for all threads. An empty one means that the user has none.
Result<void> InstallFilter(std::span<const std::byte> program);

}  // namespace ukrun
