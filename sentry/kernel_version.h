// What kernel guests see: uname(2), /proc/version.
#pragma once

#include <string_view>

namespace ukrun {

// Programs choose features by this number, so it is that of a long-term kernel whose calls
// are implemented or refused here as they are there.
inline constexpr std::string_view kKernelRelease = "6.6.0-ukrun";
inline constexpr std::string_view kKernelVersion = "#1 SMP PREEMPT_DYNAMIC";

}  // namespace ukrun
