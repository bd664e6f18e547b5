// What kernel this is and what it supports: version, filesystems, devices, interrupts, locks.
#pragma once

#include <string>

#include "base/result.h"

namespace ukrun {

class Task;

Result<std::string> VersionText(Task& reader);
Result<std::string> ReleaseText(Task& reader);
Result<std::string> KernelVersionText(Task& reader);
Result<std::string> FilesystemsText(Task& reader);
Result<std::string> DevicesText(Task& reader);
Result<std::string> InterruptsText(Task& reader);
Result<std::string> SoftirqsText(Task& reader);
Result<std::string> LocksText(Task& reader);

}  // namespace ukrun
