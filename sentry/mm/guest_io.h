// GuestIo: the buffer of one read or write, as a cursor. File objects fill or drain it
// without knowing whether it is one guest buffer, an iovec, or kernel memory (sendfile,
// splice, program loading).
//
// Copies may sleep and may fail half way with EFAULT; nothing may be locked around them
// but the file's position.
#pragma once

#include <span>
#include <vector>

#include "sentry/mm/user_memory.h"

namespace ukrun {

class GuestIo {
 public:
  struct Segment {
    uint64_t address;
    uint64_t size;
  };

  // Guest memory.
  GuestIo(UserMemory& memory, GuestAddr address, size_t size);
  GuestIo(UserMemory& memory, std::vector<Segment> segments);
  // Kernel memory.
  explicit GuestIo(std::span<std::byte> buffer);
  GuestIo(const GuestIo&) = delete;
  GuestIo& operator=(const GuestIo&) = delete;

  // Bytes still to be transferred, and bytes that were.
  size_t size() const { return remaining_; }
  size_t done() const { return done_; }

  // To the reader (read(2)): copies up to size() bytes and advances. Returns how many;
  // EFAULT when not even one could be.
  Result<size_t> Store(const void* from, size_t size);
  Result<size_t> StoreZeros(size_t size);
  // From the writer (write(2)).
  Result<size_t> Load(void* to, size_t size);
  // Both all or nothing (EFAULT), for files that transfer whole values.
  Result<void> StoreU64(uint64_t value);
  Result<uint64_t> LoadU64();

  // Limits what is left to at most `size` bytes.
  void Truncate(size_t size);

  // A file's memory between the attempts of one call (sentry/syscalls/blocking.h), for files
  // that time the wait themselves: terminals (VTIME).
  struct Patience {
    int64_t deadline_ns = 0;  // CLOCK_MONOTONIC; 0: the wait has not begun
    size_t seen = 0;          // bytes that were there when it began
  };
  Patience patience;
  // Back to the start: for a file that loads a value, finds that it must wait, and will be
  // asked again.
  void Rewind();

 private:
  template <typename Copy>
  Result<size_t> Transfer(size_t size, Copy copy);

  UserMemory* memory_;  // null: addresses are kernel addresses
  std::vector<Segment> segments_;
  size_t index_ = 0;
  size_t offset_ = 0;
  size_t remaining_ = 0;
  size_t done_ = 0;
};

}  // namespace ukrun
