// The ptrace platform: guest threads are host threads that a kernel thread traces with
// PTRACE_SYSEMU. Slow (two context switches a call) and right on every host with ptrace.
#pragma once

#include <memory>

#include "platform/platform.h"

namespace ukrun {

Result<std::unique_ptr<Platform>> MakePtracePlatform(const PlatformOptions& options);

}  // namespace ukrun
