// /proc/PID/stat and statm: a process in one line of numbers.
#pragma once

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

Result<std::string> StatText(const TargetView& view);
Result<std::string> StatmText(const TargetView& view);

}  // namespace ukrun
