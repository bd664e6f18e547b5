// Faults: pages of objects that were not there yet, and stacks that grow.
#include <algorithm>

#include "base/window.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

// What stays unmapped between a growing mapping and the one below it, so that a large frame
// does not step from one into the other. Linux's stack_guard_gap.
constexpr uint64_t kStackGuardGap = 256 * kPageSize;
// A fault costs a stop of the guest; a stack that grows gets this much at once.
constexpr uint64_t kStackGrowth = 32 * kPageSize;

}  // namespace

// Extends the mapping above `address` down to it, if it is one that grows.
bool MemoryManager::GrowDown(State& state, uint64_t address) {
  auto it = state.vmas.upper_bound(address);
  if (it == state.vmas.end() || !it->second.grows_down) {
    return false;
  }
  uint64_t begin = it->second.begin;
  uint64_t end = it->second.end;
  uint64_t limit = PageFloor(stack_limit.load());
  uint64_t lowest = std::max(kLowestAddress, limit < end ? end - limit : 0);
  if (begin >= kWindowEnd) {
    lowest = std::max(lowest, kWindowEnd);
  }
  if (it != state.vmas.begin()) {
    const Vma& below = std::prev(it)->second;
    bool guarded = below.protection != PROT_NONE && !below.grows_down;
    lowest = std::max(lowest, below.end + (guarded ? kStackGuardGap : 0));
  }
  uint64_t page = PageFloor(address);
  if (page < lowest) {
    return false;
  }
  uint64_t grown = std::min(page, begin - std::min(begin - lowest, kStackGrowth));
  uint64_t more = begin - grown;
  if (!space_
           ->Map(MapRequest{.address = GuestAddr(grown),
                            .size = more,
                            .protection = it->second.protection,
                            .sharing = HostMapping::kPrivate})
           .ok()) {
    return false;
  }
  auto node = state.vmas.extract(it);
  node.key() = grown;
  node.mapped().begin = grown;
  state.free.Take(grown, begin);
  state.total += more;
  state.peak = std::max(state.peak, state.total);
  state.locked += node.mapped().locked ? more : 0;
  state.vmas.insert(std::move(node));
  return true;
}

FaultOutcome MemoryManager::HandleFault(uint64_t address, Access access) {
  auto state = LockForChange();
  auto it = FindContaining(*state, address);
  if (it == state->vmas.end()) {
    return GrowDown(*state, address) ? FaultOutcome::kResolved : FaultOutcome::kNotMapped;
  }
  Vma& vma = it->second;
  int needed = access == Access::kWrite     ? PROT_WRITE
               : access == Access::kExecute ? PROT_EXEC
                                            : PROT_READ;
  bool allowed = (vma.protection & needed) != 0 ||
                 (access == Access::kRead && (vma.protection & (PROT_WRITE | PROT_EXEC)) != 0);
  if (!allowed) {
    return FaultOutcome::kNoPermission;
  }
  uint64_t page = PageFloor(address);
  if (!vma.object || page < vma.begin + vma.resolved) {
    // The host has the page and refused nevertheless; for objects that is the end of the
    // host's file.
    return vma.object ? FaultOutcome::kBusError : FaultOutcome::kNoPermission;
  }
  Result<void> resolved = ResolveOnHost(vma, vma.end);
  if (!resolved.ok() || page >= vma.begin + vma.resolved) {
    return FaultOutcome::kBusError;
  }
  return FaultOutcome::kResolved;
}

FaultOutcome MemoryManager::ResolveMissing(uint64_t address) {
  auto state = LockForChange();
  auto it = FindContaining(*state, address);
  if (it == state->vmas.end()) {
    return GrowDown(*state, address) ? FaultOutcome::kResolved : FaultOutcome::kNotMapped;
  }
  if (!it->second.object || it->second.protection == PROT_NONE) {
    return FaultOutcome::kNotMapped;
  }
  Vma& vma = it->second;
  uint64_t page = PageFloor(address);
  if (page < vma.begin + vma.resolved) {
    return FaultOutcome::kNotMapped;
  }
  Result<void> resolved = ResolveOnHost(vma, vma.end);
  bool there = resolved.ok() && page < vma.begin + vma.resolved;
  return there ? FaultOutcome::kResolved : FaultOutcome::kBusError;
}

}  // namespace ukrun
