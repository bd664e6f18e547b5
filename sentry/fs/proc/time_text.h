// uptime, loadavg and stat: how long the machine runs, and what it has done.
#pragma once

#include <string>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> UptimeText(Task& reader);
Result<std::string> LoadavgText(Task& reader);
Result<std::string> SystemStatText(Task& reader);

}  // namespace ukrun
