// The version of ukrun, as the build knows it.
#pragma once

#include "absl/strings/string_view.h"

namespace ukrun {

inline constexpr absl::string_view kVersion = UKRUN_VERSION;

}  // namespace ukrun
