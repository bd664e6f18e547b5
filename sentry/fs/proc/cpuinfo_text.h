// /proc/cpuinfo: one block for each CPU that the sandbox shows.
#pragma once

#include <string>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> CpuinfoText(Task& reader);

}  // namespace ukrun
