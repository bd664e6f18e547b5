// PID 1: the command that the user asked for.
#pragma once

#include "base/result.h"
#include "sentry/start/settings.h"
#include "sentry/task/task.h"

namespace ukrun {

// Makes the first task, without a program yet; its file system context is the root of the
// tree, its credentials root's until SetUserCredentials. Used to set up mounts.
Task& MakeInitTask(Path root);

// Opens the standard streams, takes the user's credentials and working directory, and runs
// the command.
Result<void> StartInit(const SandboxSettings& settings);

// PID 1 has ended: everybody else follows. Returns when they are gone.
void EndEverybody();

}  // namespace ukrun
