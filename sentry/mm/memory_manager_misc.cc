// Fork, advice, locking, and what /proc asks.
#include <algorithm>

#include "base/window.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {

Result<MemoryManager::Forked> MemoryManager::Fork() {
  // The host's copy and the tree's are taken under one lock, so that they agree.
  ProgramInfo info = program();
  auto state = LockForChange();
  ForkedSpace forked = TRY(space_->Fork());
  auto child = MakeRef<MemoryManager>(std::move(forked.space));
  child->set_program(std::move(info));
  child->membarrier_registered.store(membarrier_registered.load());
  child->stack_limit.store(stack_limit.load());
  // The child is not shared with anybody yet: its lock is not needed, and two locks of one
  // rank would not be allowed.
  State& copy = child->state_.ValueLocked();
  copy = *state;
  copy.locked = 0;
  copy.lock_future = false;
  for (auto it = copy.vmas.begin(); it != copy.vmas.end();) {
    it->second.locked = false;  // locks are not inherited
    if (it->second.dont_fork) {
      copy.total -= it->second.size();
      copy.free.Give(it->second.begin, it->second.end);
      it = copy.vmas.erase(it);
    } else {
      ++it;
    }
  }
  return Forked{std::move(child), std::move(forked.thread)};
}

Result<void> MemoryManager::Advise(uint64_t address, uint64_t size, int advice) {
  constexpr int kKnown[] = {0,  1,  2,  3,  4,  8,  9,  10, 11, 12, 13, 14,
                            15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25};
  if (std::find(std::begin(kKnown), std::end(kKnown), advice) == std::end(kKnown) ||
      (address & (kPageSize - 1)) != 0 || size > kUserEnd || address > kUserEnd - PageCeil(size)) {
    return Fail(EINVAL);
  }
  uint64_t end = address + PageCeil(size);
  if (address == end) {
    return Ok();
  }
  auto state = LockForChange();
  if (TouchesWindow(address, end - address)) {
    return Ok();  // a reservation over the window has no pages
  }
  bool hole = !FullyMapped(*state, address, end);
  SplitAt(*state, address);
  SplitAt(*state, end);
  Result<void> result = Ok();
  for (auto it = state->vmas.lower_bound(address);
       it != state->vmas.end() && it->first < end && result.ok(); ++it) {
    Vma& vma = it->second;
    uint64_t on_host = vma.object ? vma.resolved : vma.size();
    switch (advice) {
      case MADV_DONTNEED:
      case 24:  // MADV_DONTNEED_LOCKED
        if (vma.locked && advice == MADV_DONTNEED) {
          result = Fail(EINVAL);
        } else if (on_host > 0) {
          result = space_->Advise(GuestAddr(vma.begin), on_host, MADV_DONTNEED);
        }
        break;
      case MADV_FREE:
        if (vma.object || vma.shared) {
          result = Fail(EINVAL);
        } else {
          result = space_->Advise(GuestAddr(vma.begin), on_host, MADV_FREE);
        }
        break;
      case MADV_DONTFORK:
      case MADV_DOFORK:
        vma.dont_fork = advice == MADV_DONTFORK;
        if (on_host > 0) {
          result = space_->Advise(GuestAddr(vma.begin), on_host, advice);
        }
        break;
      case 18:  // MADV_WIPEONFORK
      case 19:
        if (vma.object || vma.shared) {
          result = Fail(EINVAL);
        } else {
          vma.wipe_on_fork = advice == 18;
          result = space_->Advise(GuestAddr(vma.begin), on_host, advice);
        }
        break;
      case MADV_DONTDUMP:
      case MADV_DODUMP:
        vma.dont_dump = advice == MADV_DONTDUMP;
        break;
      case 22:  // MADV_POPULATE_READ
      case 23:
        if (on_host > 0) {
          result = space_->Advise(GuestAddr(vma.begin), on_host, advice);
        }
        break;
      case MADV_REMOVE:
        if (!vma.shared || !vma.object || (vma.protection & PROT_WRITE) == 0) {
          result = Fail(EINVAL);
        } else {
          result = vma.object->PunchMapped(vma.offset, vma.size());
        }
        break;
      default:
        break;  // hints about access patterns and huge pages
    }
  }
  MergeAround(*state, address, end);
  TRY(result);
  return hole ? Result<void>(Fail(ENOMEM)) : Ok();
}

Result<void> MemoryManager::CheckMapped(uint64_t address, uint64_t size) const {
  if (size > kUserEnd || address > kUserEnd - PageCeil(size)) {
    return Fail(ENOMEM);
  }
  auto state = state_.Lock();
  if (!FullyMapped(*state, PageFloor(address), PageCeil(address + size))) {
    return Fail(ENOMEM);
  }
  return Ok();
}

Result<void> MemoryManager::Synchronize(uint64_t address, uint64_t size, bool invalidate) {
  if (size == 0) {
    return Ok();
  }
  TRY(CheckMapped(address, size));
  auto state = state_.Lock();
  for (auto it = FindContaining(*state, address);
       invalidate && it != state->vmas.end() && it->first < address + size; ++it) {
    if (it->second.locked) {
      return Fail(EBUSY);
    }
  }
  return Ok();
}

Result<void> MemoryManager::SetLocked(uint64_t address, uint64_t size, Lock lock,
                                      uint64_t limit_bytes) {
  bool locked = lock != Lock::kNo;
  uint64_t begin = PageFloor(address);
  if (address + size < address) {
    return Fail(EINVAL);
  }
  uint64_t end = PageCeil(address + size);
  if (begin == end) {
    return Ok();
  }
  auto state = LockForChange();
  if (!FullyMapped(*state, begin, end)) {
    return Fail(ENOMEM);
  }
  if (locked && state->locked + (end - begin) > limit_bytes) {
    return Fail(limit_bytes == 0 ? EPERM : ENOMEM);
  }
  SplitAt(*state, begin);
  SplitAt(*state, end);
  for (auto it = state->vmas.find(begin); it != state->vmas.end() && it->first < end; ++it) {
    Vma& vma = it->second;
    if (vma.locked != locked) {
      vma.locked = locked;
      state->locked += locked ? vma.size() : 0 - vma.size();
    }
    // Locked pages are there at once; the host may still swap them.
    uint64_t on_host = vma.object ? vma.resolved : vma.size();
    if (lock == Lock::kYes && on_host > 0 && vma.protection != PROT_NONE) {
      bool writable = (vma.protection & PROT_WRITE) != 0;
      TRY(space_->Advise(GuestAddr(vma.begin), on_host, writable ? 23 : 22));
    }
  }
  MergeAround(*state, begin, end);
  return Ok();
}

void MemoryManager::SetAllLocked(bool current, bool future) {
  auto state = state_.Lock();
  state->lock_future = future;
  if (current || !future) {
    for (auto& [begin, vma] : state->vmas) {
      vma.locked = current;
    }
    state->locked = current ? state->total : 0;
  }
}

Result<MemoryManager::SharedKey> MemoryManager::FindSharedKey(uint64_t address) const {
  auto state = state_.Lock();
  auto it = FindContaining(*state, address);
  if (it == state->vmas.end()) {
    return Fail(EFAULT);
  }
  const Vma& vma = it->second;
  if (!vma.shared || !vma.object) {
    return SharedKey{};
  }
  return SharedKey{vma.object->identity(), vma.offset + (address - vma.begin)};
}

std::vector<Vma> MemoryManager::Mappings() const {
  auto state = state_.Lock();
  std::vector<Vma> result;
  result.reserve(state->vmas.size());
  for (const auto& [begin, vma] : state->vmas) {
    result.push_back(vma);
  }
  return result;
}

MemoryManager::Sizes MemoryManager::GetSizes() const {
  auto state = state_.Lock();
  Sizes sizes;
  sizes.total = state->total;
  sizes.peak = state->peak;
  sizes.locked = state->locked;
  for (const auto& [begin, vma] : state->vmas) {
    if ((vma.protection & PROT_EXEC) != 0) {
      sizes.text += vma.size();
    } else if (vma.label == "[stack]") {
      sizes.stack += vma.size();
    } else if (!vma.shared && (vma.protection & PROT_WRITE) != 0) {
      sizes.data += vma.size();
    }
    if (vma.object) {
      sizes.shared += vma.size();
    }
  }
  return sizes;
}

}  // namespace ukrun
