// unshare(2): what a task stops sharing with others.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> Unshare(Task& task, uint64_t flags);

}  // namespace ukrun
