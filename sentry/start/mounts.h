// The guest's file tree, as the configuration asks for it.
#pragma once

#include "base/result.h"
#include "sentry/start/control.h"
#include "sentry/start/settings.h"

namespace ukrun {

// Connects to the gofer, makes the tree and PID 1's task (which walks it).
Result<void> MountEverything(const SandboxSettings& settings);

// After the end: keeps the upper layer where asked, and counts what is thrown away.
SandboxEndReport FinishMounts(const SandboxSettings& settings);

}  // namespace ukrun
