// meminfo and vmstat: the memory of the sandbox, which is its limit.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> MeminfoText(Task& reader);
Result<std::string> VmstatText(Task& reader);

// What processes and files in memory use, by the same estimate.
uint64_t MemoryInUse();

}  // namespace ukrun
