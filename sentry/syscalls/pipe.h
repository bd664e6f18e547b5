// pipe(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> PipeCall(Task& task, UserOut<uint64_t> fds);
Result<void> Pipe2(Task& task, UserOut<uint64_t> fds, uint32_t flags);

}  // namespace ukrun
