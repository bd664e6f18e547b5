#include "sentry/syscalls/temporary_mask.h"

#include "sentry/kernel.h"
#include "sentry/signal/signals.h"

namespace ukrun {

Result<void> InstallTemporaryMask(Task& task, UserIn<uint64_t> set, uint64_t set_size) {
  if (set.is_null()) {
    return Ok();
  }
  if (set_size != sizeof(abi::SignalSet)) {
    return Fail(EINVAL);
  }
  SetTemporaryMask(task, TRY(set.Load(task.memory())));
  return Ok();
}

void EndTemporaryMask(Task& task, SignalEnds signal_ends_call) {
  if (signal_ends_call == SignalEnds::kYes) {
    return;
  }
  MutexGuard guard(kernel().tasks().lock());
  if (task.signals.restore_saved_mask) {
    task.signals.restore_saved_mask = false;
    task.signals.blocked = task.signals.saved_mask;
    RecalculatePendingLocked(task);
  }
}

}  // namespace ukrun
