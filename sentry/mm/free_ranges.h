// The unmapped parts of an address space, and the search for a place among them.
//
// Linux places mappings top down, at the highest gap that is large enough; so do we. Gaps
// are kept by address and, in classes of powers of two, by size, so that the search costs
// O(log n) however many mappings there are.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace ukrun {

class FreeRanges {
 public:
  // Gaps never contain the kernel window.
  FreeRanges();

  // Marks [begin, end) as used or free. Parts that already are may be named again.
  void Take(uint64_t begin, uint64_t end);
  void Give(uint64_t begin, uint64_t end);
  // The highest place for `size` bytes that ends at or below `ceiling` and begins at or
  // above `floor`, aligned to `alignment` (a power of two).
  std::optional<uint64_t> FindBelow(uint64_t size, uint64_t ceiling, uint64_t floor,
                                    uint64_t alignment = 4096) const;

 private:
  static unsigned ClassOf(uint64_t size);
  void Insert(uint64_t begin, uint64_t end);
  void Erase(uint64_t begin, uint64_t end);

  std::map<uint64_t, uint64_t> gaps_;  // begin -> end
  std::array<std::set<uint64_t>, 64> by_class_;
};

}  // namespace ukrun
