// /proc/PID/status: a process for human readers.
#pragma once

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

Result<std::string> StatusText(const TargetView& view);

// A set of CPUs as status and /sys show it: "3" and "0-1".
std::string CpuMaskText(const std::vector<uint64_t>& mask);
std::string CpuListText(const std::vector<uint64_t>& mask);

}  // namespace ukrun
