// The Sentry's main thread, from a bare process to the end of the sandbox.
#pragma once

#include "ukrun/startup.h"

namespace ukrun {

[[noreturn]] void SentryMain(const startup::BootInfo& boot);

}  // namespace ukrun
