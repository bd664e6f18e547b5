// The signal mask that ppoll, pselect6 and epoll_pwait take for the duration of the call.
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

// Installs the mask at `set`; null means none. Errors: EINVAL (size), EFAULT.
Result<void> InstallTemporaryMask(Task& task, UserIn<uint64_t> set, uint64_t set_size);

enum class SignalEnds : uint8_t { kNo, kYes };
// Ends the mask, unless a signal ends the call: then its handler runs under the mask first,
// and delivery ends it.
void EndTemporaryMask(Task& task, SignalEnds signal_ends_call);

}  // namespace ukrun
