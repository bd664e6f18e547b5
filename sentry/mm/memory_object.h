// MemoryObject: a growing, sparse array of bytes kept in the page pool. The contents of
// tmpfs files and memfds, System V segments, and shared anonymous memory.
//
// Synchronizes itself. Guest memory is copied straight from and to the pool's pages, without
// the object's lock; the copy counts as a user, which keeps the pages in place.
#pragma once

#include <atomic>
#include <map>

#include "base/locked.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/mappable.h"

namespace ukrun {

// Counts bytes of a size-limited file system or of the sandbox. Memory objects that are
// still mapped keep it when the file system is gone.
class MemoryBudget : public RefCounted<MemoryBudget> {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : limit_(limit_bytes) {}
  // Errors: ENOSPC.
  Result<void> Charge(uint64_t bytes);
  void Release(uint64_t bytes);
  uint64_t limit() const { return limit_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

class MemoryObject final : public Mappable {
 public:
  static constexpr uint64_t kLargestSize = INT64_MAX;

  // `budget` is null for none.
  MemoryObject(uint64_t size, MemoryBudget* budget);
  ~MemoryObject() override;

  uint64_t size() const;
  // Bytes of allocated pages, for st_blocks.
  uint64_t allocated_bytes() const;

  // True while somebody maps it.
  bool is_mapped() const;

  Result<size_t> ReadAt(GuestIo& io, uint64_t offset);
  // Grows the object as needed. Errors: ENOSPC when nothing could be written; EFBIG.
  Result<size_t> WriteAt(GuestIo& io, uint64_t offset);
  // At the end, atomically with respect to other writes. Returns bytes written; the new
  // end is stored in `end`.
  Result<size_t> Append(GuestIo& io, uint64_t* end);
  // Errors: EPERM (sealed).
  Result<void> Truncate(uint64_t size);
  Result<void> PunchHole(uint64_t offset, uint64_t length);
  // Allocates all pages of the range, or none; then makes the object at least
  // `least_size` bytes long. Errors: ENOSPC, ENOMEM, EPERM (sealed).
  Result<void> Reserve(uint64_t offset, uint64_t length, uint64_t least_size);
  // SEEK_DATA, SEEK_HOLE. Errors: ENXIO.
  Result<uint64_t> FindData(uint64_t offset) const;
  Result<uint64_t> FindHole(uint64_t offset) const;

  // F_SEAL_* of memfd_create(2), obeyed by everything above and by mmap. Errors: EPERM when
  // the seals are sealed; EBUSY for F_SEAL_WRITE while it is mapped.
  Result<void> AddSeals(uint32_t seals);
  // Before anybody else knows the object.
  void SetInitialSeals(uint32_t seals) { seals_.store(seals, std::memory_order_relaxed); }
  uint32_t seals() const { return seals_.load(std::memory_order_acquire); }

  Result<HostExtent> Resolve(uint64_t offset, uint64_t size) override;
  Result<void> PunchMapped(uint64_t offset, uint64_t size) override;
  Result<void> CheckSharedMapping(bool writable) override;
  void MappingAdded() override;
  void MappingRemoved() override;
  void MappedForWriting() override { mapped_for_writing_.store(true, std::memory_order_relaxed); }
  // True once after MappedForWriting(): files that have times take that for a write.
  bool TakeMappedForWriting() { return mapped_for_writing_.exchange(false); }

 private:
  // The first `pages` pages of a run of `capacity` pages hold data and are charged; the
  // rest of the run is only address space, into which a growing file grows.
  struct Extent {
    uint64_t pool_offset;
    uint64_t pages;
    uint64_t capacity;
  };
  struct State {
    uint64_t size = 0;
    uint64_t allocated_pages = 0;
    // Mappings, and copies that are under way without the lock. While there are any,
    // pages that are cut off are only zeroed and stay where they are: somebody may still
    // reach them, so they must not become another file's.
    uint64_t users = 0;
    uint64_t mappings = 0;
    // Pages were cut off while there were users; what lies beyond the end is freed later.
    bool beyond_end = false;
    // Page number in the file -> extent. Extents don't overlap.
    std::map<uint64_t, Extent> extents;
  };
  // Contiguous bytes that a copy may touch while it counts as a user.
  struct Piece {
    uint64_t pool_offset = 0;
    uint64_t bytes = 0;
    bool hole = false;   // reading only: zeros
    bool fresh = false;  // writing only: the pages were allocated for it
  };
  using Extents = std::map<uint64_t, Extent>;

  Result<size_t> WriteLocked(GuestIo& io, uint64_t offset);
  Result<void> CheckSealedWrite(GuestIo& io, uint64_t offset) const;
  Result<Piece> PieceForWrite(State& state, uint64_t offset, uint64_t bytes);
  static Piece PieceForRead(State& state, uint64_t offset, uint64_t bytes);
  // Allocates up to `wanted` pages from `page` on, which is a hole. Returns how many.
  Result<uint64_t> AllocatePages(State& state, uint64_t page, uint64_t wanted);
  uint64_t ChargePages(uint64_t wanted);
  void EndUse(State& state);
  void FreePages(State& state, uint64_t first, uint64_t end);
  void CarveOut(State& state, Extents::iterator it, uint64_t first, uint64_t end);
  static Extents::iterator FindAtOrAfter(State& state, uint64_t page);
  static void ZeroPart(State& state, uint64_t begin, uint64_t end);

  const RefPtr<MemoryBudget> budget_;
  // Serializes writes; held over the copy from the guest.
  mutable Mutex write_lock_{LockRank::kFileContents};
  std::atomic<bool> mapped_for_writing_{false};
  std::atomic<uint32_t> seals_{0};  // Written under write_lock_ and the state's lock.
  mutable Locked<State, LockRank::kMemoryObject> state_;
};

}  // namespace ukrun
