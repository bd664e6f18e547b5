// What a process was started with: its command line, environment and auxiliary vector, and
// the links to its program and folders.
#pragma once

#include "sentry/fs/proc/process_target.h"
#include "sentry/vfs/path.h"

namespace ukrun {

Result<std::string> CommandLineText(const TargetView& view);
Result<std::string> EnvironmentText(const TargetView& view);
Result<std::string> AuxiliaryVectorText(const TargetView& view);
Result<Path> FollowCwd(const TargetView& view);
Result<Path> FollowRoot(const TargetView& view);
Result<Path> FollowExecutable(const TargetView& view);

}  // namespace ukrun
