// arch_prctl(2), prctl(2), personality(2).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<void> ArchPrctl(Task& task, int32_t code, GuestAddr address);
Result<int64_t> Prctl(Task& task, int32_t option, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
Result<int64_t> Personality(Task& task, uint64_t persona);

}  // namespace ukrun
