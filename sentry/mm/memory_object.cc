// Reading, writing, mapping. How pages are allocated and freed: memory_object_pages.cc.
#include "sentry/mm/memory_object.h"

#include <fcntl.h>

#include <algorithm>

#include "sentry/mm/page_pool.h"

namespace ukrun {

Result<void> MemoryBudget::Charge(uint64_t bytes) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || used > limit_ - bytes) {
      return Fail(ENOSPC);
    }
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return Ok();
}

void MemoryBudget::Release(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

MemoryObject::MemoryObject(uint64_t size, MemoryBudget* budget)
    : budget_(RefPtr<MemoryBudget>::Share(budget)) {
  state_.Lock()->size = size;
}

MemoryObject::~MemoryObject() {
  auto state = state_.Lock();
  state->users = 0;
  FreePages(*state, 0, UINT64_MAX);
}

uint64_t MemoryObject::size() const { return state_.Lock()->size; }
uint64_t MemoryObject::allocated_bytes() const {
  return state_.Lock()->allocated_pages * kPageSize;
}

bool MemoryObject::is_mapped() const { return state_.Lock()->mappings > 0; }

// --- Reading and writing ------------------------------------------------------------------

Result<size_t> MemoryObject::ReadAt(GuestIo& io, uint64_t offset) {
  size_t done = 0;
  while (io.size() > 0) {
    Piece piece;
    {
      auto state = state_.Lock();
      if (offset >= state->size) {
        break;
      }
      piece = PieceForRead(*state, offset, std::min<uint64_t>(io.size(), state->size - offset));
      ++state->users;
    }
    Result<size_t> copied = piece.hole ? io.StoreZeros(piece.bytes)
                                       : io.Store(PagePoolAddress(piece.pool_offset), piece.bytes);
    {
      auto state = state_.Lock();
      EndUse(*state);
    }
    if (!copied.ok()) {
      return done > 0 ? Result<size_t>(done) : copied;
    }
    done += *copied;
    offset += *copied;
    if (*copied < piece.bytes) {
      break;
    }
  }
  return done;
}

Result<size_t> MemoryObject::WriteAt(GuestIo& io, uint64_t offset) {
  MutexGuard writer(write_lock_);
  return WriteLocked(io, offset);
}

Result<size_t> MemoryObject::Append(GuestIo& io, uint64_t* end) {
  MutexGuard writer(write_lock_);
  uint64_t offset = size();
  size_t written = TRY(WriteLocked(io, offset));
  *end = offset + written;
  return written;
}

Result<size_t> MemoryObject::WriteLocked(GuestIo& io, uint64_t offset) {
  if (io.size() > 0 && offset >= kLargestSize) {
    return Fail(EFBIG);
  }
  io.Truncate(std::min<uint64_t>(io.size(), kLargestSize - std::min(offset, kLargestSize)));
  TRY(CheckSealedWrite(io, offset));
  size_t done = 0;
  while (io.size() > 0) {
    Piece piece;
    {
      auto state = state_.Lock();
      Result<Piece> found = PieceForWrite(*state, offset, io.size());
      if (!found.ok()) {
        return done > 0 ? Result<size_t>(done) : found.failure();
      }
      piece = *found;
      ++state->users;
    }
    Result<size_t> copied = io.Load(PagePoolAddress(piece.pool_offset), piece.bytes);
    uint64_t end = offset + copied.value_or(0);
    {
      auto state = state_.Lock();
      if (copied.ok() && *copied > 0) {
        state->size = std::max(state->size, end);
      }
      if (piece.fresh && end < offset + piece.bytes && PageCeil(end) >= PageCeil(state->size)) {
        // Nobody has seen these pages: the buffer ended in a fault.
        FreePages(*state, PageCeil(end) / kPageSize, PageCeil(offset + piece.bytes) / kPageSize);
      }
      EndUse(*state);
    }
    if (!copied.ok()) {
      return done > 0 ? Result<size_t>(done) : copied;
    }
    done += *copied;
    offset = end;
    if (*copied < piece.bytes) {
      break;
    }
  }
  return done;
}

// As on Linux, a write into a file that may not grow goes as far as its last whole page.
Result<void> MemoryObject::CheckSealedWrite(GuestIo& io, uint64_t offset) const {
  uint32_t sealed = seals();
  if (sealed == 0 || io.size() == 0) {
    return Ok();
  }
  if ((sealed & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0) {
    return Fail(EPERM);
  }
  uint64_t end = size();
  if ((sealed & F_SEAL_GROW) != 0 && offset + io.size() > end) {
    uint64_t allowed = PageFloor(end);
    if (offset >= allowed) {
      return Fail(EPERM);
    }
    io.Truncate(allowed - offset);
  }
  return Ok();
}

Result<void> MemoryObject::Truncate(uint64_t size) {
  auto state = state_.Lock();
  if ((size < state->size && (seals() & F_SEAL_SHRINK) != 0) ||
      (size > state->size && (seals() & F_SEAL_GROW) != 0)) {
    return Fail(EPERM);
  }
  uint64_t old_size = std::exchange(state->size, size);
  if (size < old_size) {
    FreePages(*state, PageCeil(size) / kPageSize, UINT64_MAX);
    ZeroPart(*state, size, PageCeil(size));
  }
  return Ok();
}

Result<void> MemoryObject::PunchHole(uint64_t offset, uint64_t length) {
  auto state = state_.Lock();
  if ((seals() & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0) {
    return Fail(EPERM);
  }
  uint64_t end = offset + std::min(length, kLargestSize - std::min(offset, kLargestSize));
  if (PageCeil(offset) <= PageFloor(end)) {
    ZeroPart(*state, offset, PageCeil(offset));
    ZeroPart(*state, PageFloor(end), end);
    FreePages(*state, PageCeil(offset) / kPageSize, PageFloor(end) / kPageSize);
  } else {
    ZeroPart(*state, offset, end);
  }
  return Ok();
}

// --- Seals ----------------------------------------------------------------------------------

Result<void> MemoryObject::AddSeals(uint32_t seals) {
  MutexGuard writer(write_lock_);
  auto state = state_.Lock();
  uint32_t old = seals_.load(std::memory_order_relaxed);
  if ((old & F_SEAL_SEAL) != 0) {
    return Fail(EPERM);
  }
  if ((seals & F_SEAL_WRITE) != 0 && (old & F_SEAL_WRITE) == 0 && state->mappings > 0) {
    return Fail(EBUSY);
  }
  seals_.store(old | seals, std::memory_order_release);
  return Ok();
}

Result<void> MemoryObject::CheckSharedMapping(bool writable) {
  bool sealed = (seals() & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0;
  return writable && sealed ? Fail(EPERM) : Ok();
}

// --- Mapping --------------------------------------------------------------------------------

Result<HostExtent> MemoryObject::Resolve(uint64_t offset, uint64_t size) {
  auto state = state_.Lock();
  uint64_t limit = PageCeil(state->size);
  if (offset >= limit) {
    return Fail(ENXIO);
  }
  Piece piece = TRY(PieceForWrite(*state, offset, std::min(size, limit - offset)));
  return HostExtent{PagePoolFd(), piece.pool_offset, piece.bytes};
}

Result<void> MemoryObject::PunchMapped(uint64_t offset, uint64_t size) {
  return PunchHole(offset, size);
}

void MemoryObject::MappingAdded() {
  auto state = state_.Lock();
  ++state->mappings;
  ++state->users;
}

void MemoryObject::MappingRemoved() {
  auto state = state_.Lock();
  --state->mappings;
  EndUse(*state);
}

// --- Holes ------------------------------------------------------------------------------------

Result<uint64_t> MemoryObject::FindData(uint64_t offset) const {
  auto state = state_.Lock();
  if (offset >= state->size) {
    return Fail(ENXIO);
  }
  auto it = FindAtOrAfter(*state, offset / kPageSize);
  if (it == state->extents.end()) {
    return Fail(ENXIO);
  }
  uint64_t found = std::max(offset, it->first * kPageSize);
  return found < state->size ? Result<uint64_t>(found) : Fail(ENXIO);
}

Result<uint64_t> MemoryObject::FindHole(uint64_t offset) const {
  auto state = state_.Lock();
  if (offset >= state->size) {
    return Fail(ENXIO);
  }
  uint64_t page = offset / kPageSize;
  auto it = FindAtOrAfter(*state, page);
  while (it != state->extents.end() && it->first <= page) {
    page = it->first + it->second.pages;
    ++it;
  }
  return std::min(std::max(offset, page * kPageSize), state->size);
}

}  // namespace ukrun
