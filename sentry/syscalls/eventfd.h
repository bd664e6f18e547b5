// eventfd(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> Eventfd(Task& task, uint32_t initial);
Result<Fd> Eventfd2(Task& task, uint32_t initial, uint32_t flags);

}  // namespace ukrun
