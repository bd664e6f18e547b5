// signalfd(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> Signalfd(Task& task, Fd fd, UserIn<uint64_t> mask, uint64_t mask_size);
Result<Fd> Signalfd4(Task& task, Fd fd, UserIn<uint64_t> mask, uint64_t mask_size, uint32_t flags);

}  // namespace ukrun
