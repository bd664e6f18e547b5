#include "sentry/mm/shrink.h"

#include "base/thread.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

bool MemoryManager::ForgetBeyond(const Mappable& object, uint64_t size) {
  uint64_t end = PageCeil(size);
  bool any = false;
  auto state = state_.Lock();
  for (auto& [begin, vma] : state->vmas) {
    if (vma.object.get() != &object || vma.offset + vma.resolved <= end) {
      continue;
    }
    uint64_t kept = end > vma.offset ? end - vma.offset : 0;
    state->stale.emplace_back(begin + kept, begin + vma.resolved);
    vma.resolved = kept;
    any = true;
  }
  if (any) {
    has_stale_.store(true, std::memory_order_release);
  }
  return any;
}

Locked<MemoryManager::State, LockRank::kMemoryManager>::Guard MemoryManager::LockForChange() {
  auto state = state_.Lock();
  bool lives_here = CurrentThread().task != nullptr && &CurrentTask().mm() == this;
  if (!state->stale.empty() && lives_here) {
    for (auto [begin, end] : state->stale) {
      // It fails when the host process is gone, and then nobody will touch the range.
      static_cast<void>(space_->Unmap(GuestAddr(begin), end - begin));
    }
    state->stale.clear();
    has_stale_.store(false, std::memory_order_relaxed);
  }
  return state;
}

void ForgetMappedBeyond(const Mappable& object, uint64_t size) {
  for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
    for (const RefPtr<Task>& task : kernel().tasks().TasksOf(*group)) {
      RefPtr<MemoryManager> mm = task->Resources().mm;
      // Tasks that share it find nothing left to forget, but have to stop all the same.
      if (mm && (mm->ForgetBeyond(object, size) || mm->has_stale())) {
        task->Kick();
      }
    }
  }
}

}  // namespace ukrun
