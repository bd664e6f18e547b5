// Pages: their size, and addresses and sizes rounded to them.
#pragma once

#include <cstdint>

namespace ukrun {

inline constexpr uint64_t kPageSize = 4096;

constexpr uint64_t PageFloor(uint64_t value) { return value & ~(kPageSize - 1); }
constexpr uint64_t PageCeil(uint64_t value) { return PageFloor(value + kPageSize - 1); }
constexpr uint64_t PageOffset(uint64_t value) { return value & (kPageSize - 1); }

}  // namespace ukrun
