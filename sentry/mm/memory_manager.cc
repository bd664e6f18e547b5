// Mapping, unmapping, protection: the tree and its mirror on the host.
#include "sentry/mm/memory_manager.h"

#include <algorithm>

#include "base/window.h"

namespace ukrun {
namespace {

// The part of [begin, end) outside the kernel window, as up to two ranges.
template <typename Operation>
Result<void> OutsideWindow(uint64_t begin, uint64_t end, Operation operation) {
  if (begin < std::min(end, kWindowBegin)) {
    TRY(operation(begin, std::min(end, kWindowBegin)));
  }
  if (std::max(begin, kWindowEnd) < end) {
    TRY(operation(std::max(begin, kWindowEnd), end));
  }
  return Ok();
}

bool ValidRange(uint64_t address, uint64_t size) {
  return size <= kUserEnd && address <= kUserEnd - size;
}

}  // namespace

// --- The tree ---------------------------------------------------------------------------

MemoryManager::Vmas::iterator MemoryManager::FindContaining(State& state, uint64_t address) {
  auto it = state.vmas.upper_bound(address);
  if (it == state.vmas.begin()) {
    return state.vmas.end();
  }
  --it;
  return address < it->second.end ? it : state.vmas.end();
}

void MemoryManager::SplitAt(State& state, uint64_t address) {
  auto it = FindContaining(state, address);
  if (it == state.vmas.end() || it->first == address) {
    return;
  }
  Vma right = it->second.Slice(address, it->second.end);
  it->second = it->second.Slice(it->second.begin, address);
  state.vmas.emplace(address, std::move(right));
}

void MemoryManager::Insert(State& state, Vma vma) {
  state.free.Take(vma.begin, vma.end);
  state.total += vma.size();
  state.peak = std::max(state.peak, state.total);
  if (vma.locked) {
    state.locked += vma.size();
  }
  uint64_t begin = vma.begin;
  uint64_t end = vma.end;
  state.vmas.insert_or_assign(begin, std::move(vma));
  MergeAround(state, begin, end);
}

// Joins equal neighbours that touch or lie inside [begin, end].
void MemoryManager::MergeAround(State& state, uint64_t begin, uint64_t end) {
  auto it = state.vmas.lower_bound(begin);
  if (it != state.vmas.begin()) {
    --it;
  }
  while (it != state.vmas.end()) {
    auto next = std::next(it);
    if (next == state.vmas.end() || next->first > end) {
      return;
    }
    if (it->second.Continues(next->second)) {
      it->second.resolved += next->second.resolved;
      it->second.end = next->second.end;
      state.vmas.erase(next);
    } else {
      it = next;
    }
  }
}

bool MemoryManager::FullyMapped(const State& state, uint64_t begin, uint64_t end) {
  auto it = state.vmas.upper_bound(begin);
  if (it == state.vmas.begin()) {
    return false;
  }
  --it;
  while (begin < end) {
    if (it == state.vmas.end() || it->first > begin || it->second.end <= begin) {
      return false;
    }
    begin = it->second.end;
    ++it;
  }
  return true;
}

void MemoryManager::Remove(State& state, uint64_t begin, uint64_t end) {
  SplitAt(state, begin);
  SplitAt(state, end);
  auto it = state.vmas.lower_bound(begin);
  while (it != state.vmas.end() && it->first < end) {
    state.total -= it->second.size();
    if (it->second.locked) {
      state.locked -= it->second.size();
    }
    state.free.Give(it->second.begin, it->second.end);
    it = state.vmas.erase(it);
  }
}

// --- mmap -------------------------------------------------------------------------------

Result<uint64_t> MemoryManager::ChoosePlace(const State& state, const MapOptions& options) const {
  uint64_t size = options.size;
  uint64_t address = options.address;
  if (options.fixed) {
    if ((address & (kPageSize - 1)) != 0) {
      return Fail(EINVAL);
    }
    if (!ValidRange(address, size)) {
      return Fail(ENOMEM);
    }
    if (address < kLowestAddress) {
      return Fail(EPERM);
    }
    if (TouchesWindow(address, size) && options.protection != PROT_NONE) {
      return Fail(ENOMEM);
    }
    if (options.no_replace) {
      auto it = state.vmas.upper_bound(address);
      bool taken = it != state.vmas.end() && it->first < address + size;
      if (it != state.vmas.begin()) {
        taken = taken || std::prev(it)->second.end > address;
      }
      if (taken || TouchesWindow(address, size)) {
        return Fail(EEXIST);
      }
    }
    return address;
  }
  uint64_t ceiling = options.low_32_bits ? 0x8000'0000 : state.mmap_base;
  uint64_t hint = PageFloor(address);
  if (hint >= kLowestAddress && ValidRange(hint, size)) {
    std::optional<uint64_t> place = state.free.FindBelow(size, hint + size, hint);
    if (place) {
      return *place;
    }
  }
  std::optional<uint64_t> place = state.free.FindBelow(size, ceiling, kLowestAddress);
  if (!place) {
    place = state.free.FindBelow(size, options.low_32_bits ? ceiling : kUserEnd, kLowestAddress);
  }
  if (!place) {
    return Fail(ENOMEM);
  }
  return *place;
}

// Mirrors a fresh mapping on the host.
Result<void> MemoryManager::ApplyToHost(Vma& vma) {
  if (vma.object) {
    // What was there before must be gone, where the object has no pages yet.
    TRY(ResolveOnHost(vma, vma.end));
    if (vma.resolved < vma.size()) {
      TRY(space_->Unmap(GuestAddr(vma.begin + vma.resolved), vma.size() - vma.resolved));
    }
    return Ok();
  }
  return OutsideWindow(vma.begin, vma.end, [&](uint64_t begin, uint64_t end) {
    return space_->Map(MapRequest{.address = GuestAddr(begin),
                                  .size = end - begin,
                                  .protection = vma.protection,
                                  .sharing = HostMapping::kPrivate});
  });
}

// Maps the object's pages from the resolved part on, as far as the object reaches.
Result<void> MemoryManager::ResolveOnHost(Vma& vma, uint64_t up_to) {
  HostMapping sharing = vma.shared ? HostMapping::kShared : HostMapping::kPrivate;
  while (vma.begin + vma.resolved < up_to) {
    uint64_t at = vma.begin + vma.resolved;
    Result<HostExtent> extent = vma.object->Resolve(vma.offset + vma.resolved, up_to - at);
    if (extent.Is(ENXIO)) {
      return Ok();
    }
    if (!extent.ok()) {
      return extent.failure();
    }
    uint64_t size = std::min(extent->size, up_to - at);
    // Neighbouring extents that are neighbours on the host too become one mapping.
    for (;;) {
      if (at + size >= up_to) {
        break;
      }
      Result<HostExtent> next =
          vma.object->Resolve(vma.offset + vma.resolved + size, up_to - at - size);
      if (!next.ok() || next->host_fd != extent->host_fd ||
          next->host_offset != extent->host_offset + size) {
        break;
      }
      size += std::min(next->size, up_to - at - size);
    }
    TRY(space_->Map(MapRequest{.address = GuestAddr(at),
                               .size = size,
                               .protection = vma.protection,
                               .sharing = sharing,
                               .host_fd = extent->host_fd,
                               .offset = extent->host_offset}));
    vma.resolved += size;
  }
  return Ok();
}

Result<uint64_t> MemoryManager::MapLocked(State& state, MapOptions options) {
  uint64_t place = TRY(ChoosePlace(state, options));
  uint64_t end = place + options.size;
  if (state.total + options.size > options.size_limit || state.vmas.size() >= kMaxMappings) {
    return Fail(ENOMEM);
  }
  options.locked = options.locked || state.lock_future;
  if (options.locked && state.locked + options.size > options.lock_limit) {
    return Fail(EAGAIN);
  }
  Vma vma;
  vma.begin = place;
  vma.end = end;
  vma.protection = options.protection;
  vma.max_protection = options.max_protection;
  vma.shared = options.shared;
  vma.object = MappingRef(std::move(options.object));
  vma.offset = options.offset;
  vma.name = std::move(options.name);
  vma.label = std::move(options.label);
  vma.locked = options.locked;
  vma.grows_down = options.grows_down;
  // The host replaces what was there; so does the tree, also when the host fails half way.
  Remove(state, place, end);
  Result<void> applied = ApplyToHost(vma);
  if (!applied.ok()) {
    TRY(OutsideWindow(place, end, [&](uint64_t from, uint64_t to) {
      return space_->Unmap(GuestAddr(from), to - from);
    }));
    return applied.failure();
  }
  Insert(state, std::move(vma));
  return place;
}

Result<uint64_t> MemoryManager::Map(MapOptions options) {
  if (options.size == 0 || options.size > kUserEnd) {
    return Fail(options.size == 0 ? EINVAL : ENOMEM);
  }
  options.size = PageCeil(options.size);
  if (options.offset + options.size < options.offset) {
    return Fail(EOVERFLOW);
  }
  auto state = LockForChange();
  return MapLocked(*state, std::move(options));
}

Result<void> MemoryManager::UnmapLocked(State& state, uint64_t begin, uint64_t end) {
  // Splitting may not push the count over its limit.
  if (state.vmas.size() + 2 > kMaxMappings) {
    auto it = FindContaining(state, begin);
    if (it != state.vmas.end() && it->second.begin < begin && it->second.end > end) {
      return Fail(ENOMEM);
    }
  }
  Remove(state, begin, end);
  return OutsideWindow(begin, end, [&](uint64_t from, uint64_t to) {
    return space_->Unmap(GuestAddr(from), to - from);
  });
}

Result<void> MemoryManager::Unmap(uint64_t address, uint64_t size) {
  if ((address & (kPageSize - 1)) != 0 || size == 0 || !ValidRange(address, size)) {
    return Fail(EINVAL);
  }
  auto state = LockForChange();
  return UnmapLocked(*state, address, address + PageCeil(size));
}

// --- mprotect ----------------------------------------------------------------------------

Result<void> MemoryManager::Protect(uint64_t address, uint64_t size, int protection) {
  if ((address & (kPageSize - 1)) != 0) {
    return Fail(EINVAL);
  }
  if (size == 0) {
    return Ok();
  }
  if (!ValidRange(address, size)) {
    return Fail(ENOMEM);
  }
  uint64_t end = address + PageCeil(size);
  auto state = LockForChange();
  auto first = FindContaining(*state, address);
  if (first == state->vmas.end()) {
    return Fail(ENOMEM);
  }
  if ((protection & PROT_GROWSDOWN) != 0) {
    if (!first->second.grows_down) {
      return Fail(EINVAL);
    }
    address = first->second.begin;
    protection &= ~PROT_GROWSDOWN;
  }
  if (TouchesWindow(address, end - address)) {
    return Fail(ENOMEM);
  }
  if (state->vmas.size() + 2 > kMaxMappings) {
    return Fail(ENOMEM);
  }
  // As on Linux, the part before a hole or a refusal is changed.
  SplitAt(*state, address);
  SplitAt(*state, end);
  uint64_t at = address;
  Result<void> result = Ok();
  for (auto it = state->vmas.find(address); at < end; ++it) {
    if (it == state->vmas.end() || it->first != at) {
      result = Fail(ENOMEM);
      break;
    }
    Vma& vma = it->second;
    if ((protection & ~vma.max_protection) != 0) {
      result = Fail(EACCES);
      break;
    }
    uint64_t on_host = vma.object ? vma.resolved : vma.size();
    if (on_host > 0) {
      result = space_->Protect(GuestAddr(vma.begin), on_host, protection);
      if (!result.ok()) {
        break;
      }
    }
    vma.protection = protection;
    at = vma.end;
  }
  MergeAround(*state, address, end);
  return result;
}

// --- brk ----------------------------------------------------------------------------------

void MemoryManager::InitializeBreak(uint64_t address) {
  auto state = state_.Lock();
  state->break_begin = address;
  state->break_end = address;
}

uint64_t MemoryManager::Break(uint64_t address, uint64_t data_limit, uint64_t size_limit) {
  auto state = LockForChange();
  if (address < state->break_begin || !ValidRange(address, 0) ||
      address - state->break_begin > data_limit) {
    return state->break_end;
  }
  uint64_t old_end = PageCeil(state->break_end);
  uint64_t new_end = PageCeil(address);
  if (new_end > old_end) {
    MapOptions options;
    options.address = old_end;
    options.size = new_end - old_end;
    options.protection = PROT_READ | PROT_WRITE;
    options.fixed = true;
    options.no_replace = true;
    options.label = "[heap]";
    options.size_limit = size_limit;
    if (!MapLocked(*state, std::move(options)).ok()) {
      return state->break_end;
    }
  } else if (new_end < old_end) {
    if (!UnmapLocked(*state, new_end, old_end).ok()) {
      return state->break_end;
    }
  }
  state->break_end = address;
  return address;
}

}  // namespace ukrun
