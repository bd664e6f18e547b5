// In unit tests there is no guest: whoever touches its memory gets EFAULT.
#include "sentry/mm/user_memory.h"

namespace ukrun {

Result<size_t> UserMemory::ReadSome(void*, GuestAddr, size_t) { return Fail(EFAULT); }
Result<size_t> UserMemory::WriteSome(GuestAddr, const void*, size_t) { return Fail(EFAULT); }

}  // namespace ukrun
