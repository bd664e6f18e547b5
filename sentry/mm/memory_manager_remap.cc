// mremap(2).
#include <linux/mman.h>

#include "base/window.h"
#include "sentry/mm/memory_manager.h"

namespace ukrun {

Result<uint64_t> MemoryManager::GrowInPlace(State& state, uint64_t address, uint64_t old_size,
                                            uint64_t new_size) {
  auto it = FindContaining(state, address);
  uint64_t old_end = address + old_size;
  uint64_t new_end = address + new_size;
  if (it->second.end != old_end || new_end < old_end || new_end > kUserEnd ||
      TouchesWindow(old_end, new_end - old_end)) {
    return Fail(ENOMEM);
  }
  auto next = std::next(it);
  if (next != state.vmas.end() && next->first < new_end) {
    return Fail(ENOMEM);
  }
  Vma extra = it->second;
  extra.begin = old_end;
  extra.end = new_end;
  extra.offset = extra.object ? it->second.offset + it->second.size() : 0;
  extra.resolved = 0;
  TRY(ApplyToHost(extra));
  Insert(state, std::move(extra));
  return address;
}

// Moves [from, from + old_size) to the free range [to, to + new_size).
Result<uint64_t> MemoryManager::MoveLocked(State& state, uint64_t from, uint64_t old_size,
                                           uint64_t to, uint64_t new_size) {
  auto it = FindContaining(state, from);
  Vma moved = it->second.Slice(from, from + old_size);
  uint64_t on_host = moved.object ? moved.resolved : old_size;
  if (on_host > 0) {
    TRY(space_->Move(GuestAddr(from), on_host, GuestAddr(to), on_host));
  }
  moved.begin = to;
  moved.end = to + old_size;
  moved.label.clear();
  Remove(state, from, from + old_size);
  Vma whole = moved;
  Insert(state, std::move(moved));
  if (new_size > old_size) {
    Vma extra = whole;
    extra.begin = to + old_size;
    extra.end = to + new_size;
    extra.offset = extra.object ? whole.offset + old_size : 0;
    extra.resolved = 0;
    TRY(ApplyToHost(extra));
    Insert(state, std::move(extra));
  }
  return to;
}

Result<uint64_t> MemoryManager::Remap(RemapOptions options) {
  auto [old_address, old_size, new_size, flags, new_address, size_limit, lock_limit] = options;
  if ((flags & ~uint64_t{MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP}) != 0 ||
      (old_address & (kPageSize - 1)) != 0) {
    return Fail(EINVAL);
  }
  bool may_move = (flags & MREMAP_MAYMOVE) != 0;
  bool fixed = (flags & MREMAP_FIXED) != 0;
  bool keep_old = (flags & MREMAP_DONTUNMAP) != 0;
  if ((fixed && !may_move) ||
      (keep_old && (!may_move || PageCeil(old_size) != PageCeil(new_size)))) {
    return Fail(EINVAL);
  }
  old_size = PageCeil(old_size);
  new_size = PageCeil(new_size);
  if (new_size == 0 || new_size > kUserEnd || old_size > kUserEnd ||
      old_address > kUserEnd - old_size) {
    return Fail(EINVAL);
  }
  if (fixed && ((new_address & (kPageSize - 1)) != 0 || new_address > kUserEnd - new_size ||
                TouchesWindow(new_address, new_size) ||
                (new_address < old_address + old_size && old_address < new_address + new_size))) {
    return Fail(EINVAL);
  }
  auto state = LockForChange();
  auto it = FindContaining(*state, old_address);
  if (it == state->vmas.end() || TouchesWindow(old_address, old_size)) {
    return Fail(EFAULT);
  }
  if (old_size == 0 && !it->second.shared) {
    return Fail(EINVAL);  // duplicating is for shared mappings
  }
  if (fixed) {
    TRY(UnmapLocked(*state, new_address, new_address + new_size));
    it = FindContaining(*state, old_address);
  }
  if (new_size < old_size) {
    TRY(UnmapLocked(*state, old_address + new_size, old_address + old_size));
    old_size = new_size;
    it = FindContaining(*state, old_address);
  }
  if (it == state->vmas.end() || it->second.end < old_address + old_size) {
    return Fail(EFAULT);
  }
  if (it->second.locked && state->locked + (new_size - old_size) > lock_limit) {
    return Fail(EAGAIN);
  }
  if (state->total + (new_size - old_size) > size_limit) {
    return Fail(ENOMEM);
  }
  if (!fixed && !keep_old && new_size == old_size) {
    return old_address;
  }
  if (old_size == 0) {
    MapOptions copy;
    copy.address = new_address;
    copy.fixed = fixed;
    copy.size = new_size;
    copy.protection = it->second.protection;
    copy.max_protection = it->second.max_protection;
    copy.shared = true;
    copy.object = it->second.object.object();
    copy.offset = it->second.offset + (old_address - it->second.begin);
    copy.name = it->second.name;
    return MapLocked(*state, std::move(copy));
  }
  if (keep_old && it->second.object) {
    return Fail(EINVAL);  // only private anonymous memory may be left empty
  }
  if (!fixed && !keep_old) {
    Result<uint64_t> grown = GrowInPlace(*state, old_address, old_size, new_size);
    if (grown.ok() || !may_move) {
      return grown;
    }
  }
  if (!fixed) {
    MapOptions wanted;
    wanted.size = new_size;
    new_address = TRY(ChoosePlace(*state, wanted));
  }
  Vma left = it->second.Slice(old_address, old_address + old_size);
  uint64_t moved = TRY(MoveLocked(*state, old_address, old_size, new_address, new_size));
  if (keep_old) {
    TRY(ApplyToHost(left));
    Insert(*state, std::move(left));
  }
  return moved;
}

}  // namespace ukrun
