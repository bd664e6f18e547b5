// How a memory object allocates and frees its pages.
#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "sentry/mm/memory_object.h"
#include "sentry/mm/page_pool.h"

namespace ukrun {

// The extent that holds `page`, or the first one behind it.
MemoryObject::Extents::iterator MemoryObject::FindAtOrAfter(State& state, uint64_t page) {
  auto it = state.extents.upper_bound(page);
  if (it != state.extents.begin()) {
    auto before = std::prev(it);
    if (page < before->first + before->second.pages) {
      return before;
    }
  }
  return it;
}

MemoryObject::Piece MemoryObject::PieceForRead(State& state, uint64_t offset, uint64_t bytes) {
  uint64_t page = offset / kPageSize;
  auto it = FindAtOrAfter(state, page);
  Piece piece;
  if (it == state.extents.end() || it->first > page) {
    uint64_t hole = it == state.extents.end() ? bytes : it->first * kPageSize - offset;
    piece.hole = true;
    piece.bytes = std::min(bytes, hole);
    return piece;
  }
  uint64_t skipped = offset - it->first * kPageSize;
  piece.pool_offset = it->second.pool_offset + skipped;
  piece.bytes = std::min(bytes, it->second.pages * kPageSize - skipped);
  return piece;
}

Result<MemoryObject::Piece> MemoryObject::PieceForWrite(State& state, uint64_t offset,
                                                        uint64_t bytes) {
  Piece piece = PieceForRead(state, offset, bytes);
  if (!piece.hole) {
    return piece;
  }
  uint64_t page = offset / kPageSize;
  uint64_t pages =
      TRY(AllocatePages(state, page, PageCeil(offset + piece.bytes) / kPageSize - page));
  piece = PieceForRead(state, offset, std::min(piece.bytes, (page + pages) * kPageSize - offset));
  piece.fresh = true;
  return piece;
}

// As many pages as the budget has, up to `wanted`.
uint64_t MemoryObject::ChargePages(uint64_t wanted) {
  if (budget_ == nullptr) {
    return wanted;
  }
  while (wanted > 0 && !budget_->Charge(wanted * kPageSize).ok()) {
    wanted /= 2;
  }
  return wanted;
}

Result<uint64_t> MemoryObject::AllocatePages(State& state, uint64_t page, uint64_t wanted) {
  auto next = state.extents.upper_bound(page);
  auto previous = next == state.extents.begin() ? state.extents.end() : std::prev(next);
  bool continues =
      previous != state.extents.end() && previous->first + previous->second.pages == page;
  uint64_t room = next == state.extents.end() ? UINT64_MAX : next->first - page;
  wanted = std::min(wanted, room);

  if (continues && previous->second.pages < previous->second.capacity) {
    Extent& extent = previous->second;
    uint64_t charged = ChargePages(std::min(wanted, extent.capacity - extent.pages));
    if (charged == 0) {
      return Fail(ENOSPC);
    }
    extent.pages += charged;
    state.allocated_pages += charged;
    return charged;
  }
  // Runs are aligned to the file, so those of a growing file double: 1, 1, 2, 4, ... pages.
  // A page in the middle of nowhere gets a run of just what is wanted.
  uint64_t aligned = page == 0 ? kPagePoolLargestRun : page & (0 - page);
  uint64_t capacity =
      continues ? kPagePoolLargestRun : std::bit_ceil(std::min(wanted, kPagePoolLargestRun));
  capacity = std::min({capacity, aligned, std::bit_floor(std::min(room, kPagePoolLargestRun))});
  uint64_t charged = ChargePages(std::min(wanted, capacity));
  if (charged == 0) {
    return Fail(ENOSPC);
  }
  Result<uint64_t> run = PagePoolAllocate(capacity);
  if (!run.ok()) {
    if (budget_ != nullptr) {
      budget_->Release(charged * kPageSize);
    }
    return run.failure();
  }
  state.extents.emplace_hint(next, page, Extent{*run, charged, capacity});
  state.allocated_pages += charged;
  return charged;
}

Result<void> MemoryObject::Reserve(uint64_t offset, uint64_t length, uint64_t least_size) {
  uint64_t first = offset / kPageSize;
  uint64_t end = PageCeil(offset + length) / kPageSize;
  std::vector<std::pair<uint64_t, uint64_t>> allocated;
  auto state = state_.Lock();
  if (least_size > state->size && (seals() & F_SEAL_GROW) != 0) {
    return Fail(EPERM);
  }
  for (uint64_t page = first; page < end;) {
    auto it = FindAtOrAfter(*state, page);
    if (it != state->extents.end() && it->first <= page) {
      page = it->first + it->second.pages;
      continue;
    }
    Result<uint64_t> pages = AllocatePages(*state, page, end - page);
    if (!pages.ok()) {
      for (auto [from, to] : allocated) {
        FreePages(*state, from, to);
      }
      return pages.failure();
    }
    allocated.emplace_back(page, page + *pages);
    page += *pages;
  }
  state->size = std::max(state->size, least_size);
  return Ok();
}

// --- Freeing --------------------------------------------------------------------------------

void MemoryObject::EndUse(State& state) {
  if (--state.users == 0 && !state.extents.empty()) {
    auto last = std::prev(state.extents.end());
    uint64_t end = PageCeil(state.size) / kPageSize;
    if (state.beyond_end && last->first + last->second.pages > end) {
      FreePages(state, end, UINT64_MAX);
    }
    state.beyond_end = false;
  }
}

// Frees the pages [first, end), or only zeroes them while the object is in use.
void MemoryObject::FreePages(State& state, uint64_t first, uint64_t end) {
  auto it = FindAtOrAfter(state, first);
  while (it != state.extents.end() && it->first < end) {
    auto current = it++;
    uint64_t from = std::max(first, current->first);
    uint64_t to = std::min(end, current->first + current->second.pages);
    if (state.users > 0) {
      uint64_t skipped = (from - current->first) * kPageSize;
      PagePoolZero(current->second.pool_offset + skipped, (to - from) * kPageSize);
      state.beyond_end = true;
    } else {
      CarveOut(state, current, from, to);
    }
  }
}

void MemoryObject::CarveOut(State& state, Extents::iterator it, uint64_t first, uint64_t end) {
  uint64_t begin = it->first;
  Extent extent = it->second;
  uint64_t freed = end - first;
  state.allocated_pages -= freed;
  if (budget_ != nullptr) {
    budget_->Release(freed * kPageSize);
  }
  if (first > begin && end == begin + extent.pages) {
    // The run stays, for the file to grow into again.
    it->second.pages = first - begin;
    PagePoolZero(extent.pool_offset + (first - begin) * kPageSize, freed * kPageSize);
    return;
  }
  state.extents.erase(it);
  // Halves the run until each part is wholly kept or wholly free.
  struct Part {
    uint64_t begin;
    uint64_t pool_offset;
    uint64_t capacity;
  };
  std::vector<Part> parts = {{begin, extent.pool_offset, extent.capacity}};
  uint64_t used_end = begin + extent.pages;
  while (!parts.empty()) {
    Part part = parts.back();
    parts.pop_back();
    uint64_t part_end = part.begin + part.capacity;
    bool any_kept =
        part.begin < first || (part_end > end && end < used_end && part.begin < used_end);
    bool any_freed = part.begin < end && part_end > first;
    if (any_kept && any_freed) {
      PagePoolSplit(part.pool_offset, part.capacity);
      uint64_t half = part.capacity / 2;
      parts.push_back({part.begin, part.pool_offset, half});
      parts.push_back({part.begin + half, part.pool_offset + half * kPageSize, half});
    } else if (any_kept) {
      uint64_t pages = std::min(part_end, used_end) - part.begin;
      state.extents.emplace(part.begin, Extent{part.pool_offset, pages, part.capacity});
    } else {
      PagePoolFree(part.pool_offset, part.capacity);
    }
  }
}

// Zeroes [begin, end), which lies within one page.
void MemoryObject::ZeroPart(State& state, uint64_t begin, uint64_t end) {
  if (begin >= end) {
    return;
  }
  Piece piece = PieceForRead(state, begin, end - begin);
  if (!piece.hole) {
    std::memset(PagePoolAddress(piece.pool_offset), 0, piece.bytes);
  }
}

}  // namespace ukrun
