#include "sentry/mm/shrink.h"

#include "base/thread.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/task.h"

namespace ukrun {

void MemoryManager::ForgetBeyond(const Mappable& object, uint64_t size) {
  uint64_t end = PageCeil(size);
  auto state = state_.Lock();
  for (auto& [begin, vma] : state->vmas) {
    if (vma.object.get() != &object || vma.offset + vma.resolved <= end) {
      continue;
    }
    uint64_t kept = end > vma.offset ? end - vma.offset : 0;
    if (space_->Unmap(GuestAddr(begin + kept), vma.resolved - kept).ok()) {
      vma.resolved = kept;
    }
  }
}

void ForgetMappedBeyond(const Mappable& object, uint64_t size) {
  if (CurrentThread().task != nullptr) {
    CurrentTask().mm().ForgetBeyond(object, size);
  }
}

}  // namespace ukrun
