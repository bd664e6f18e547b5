// The mounts as a process sees them: mounts, mountinfo, mountstats.
#pragma once

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

Result<std::string> MountsText(const TargetView& view);
Result<std::string> MountinfoText(const TargetView& view);
Result<std::string> MountstatsText(const TargetView& view);

}  // namespace ukrun
