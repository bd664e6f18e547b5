// Guest addresses, and the only way to the memory behind them.
//
// A guest address is an integer that cannot be dereferenced. GuestMemory copies between
// kernel memory and an address space; what it touches may change under it at any time, so
// every value is fetched once and checked after it is fetched.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace ukrun {

class GuestAddr {
 public:
  constexpr GuestAddr() = default;
  constexpr explicit GuestAddr(uint64_t value) : value_(value) {}
  constexpr uint64_t value() const { return value_; }
  constexpr bool is_null() const { return value_ == 0; }
  constexpr auto operator<=>(const GuestAddr&) const = default;
  constexpr GuestAddr operator+(uint64_t bytes) const { return GuestAddr(value_ + bytes); }

 private:
  uint64_t value_ = 0;
};

enum class Access : uint8_t { kRead, kWrite, kExecute };

// Thread rule: any kernel thread may copy; stores obey the pages' protection.
class GuestMemory {
 public:
  virtual ~GuestMemory() = default;

  // Copies up to `size` bytes and returns how many; short only at a page that cannot be
  // touched. Errors: EFAULT when not even the first byte can be.
  virtual Result<size_t> CopyIn(void* to, GuestAddr from, size_t size) = 0;
  virtual Result<size_t> CopyOut(GuestAddr to, const void* from, size_t size) = 0;

  // Atomically: if *address == expected, store desired. Returns what was there.
  // Must be called by a task of this address space. Errors: EFAULT, EINVAL (misaligned).
  virtual Result<uint32_t> CompareExchange32(GuestAddr address, uint32_t expected,
                                             uint32_t desired) = 0;
};

}  // namespace ukrun
