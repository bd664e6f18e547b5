// What file systems reach of the rest of the kernel, for their unit tests: there are no
// tasks, nobody sleeps, and files may have any size.
#include "sentry/mm/shrink.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/vfs/size_limit.h"

namespace ukrun {

WakeReason SleepTask(Task&, uint32_t, int64_t) { return WakeReason::kInterrupted; }
void ForgetMappedBeyond(const Mappable&, uint64_t) {}
Result<void> ApplyFileSizeLimit(File&, GuestIo&, int64_t) { return Ok(); }

}  // namespace ukrun
