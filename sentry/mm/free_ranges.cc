#include "sentry/mm/free_ranges.h"

#include <algorithm>
#include <bit>

#include "base/window.h"

namespace ukrun {

FreeRanges::FreeRanges() {
  Insert(0, kWindowBegin);
  Insert(kWindowEnd, kUserEnd);
}

unsigned FreeRanges::ClassOf(uint64_t size) {
  return static_cast<unsigned>(std::bit_width(size) - 1);
}

void FreeRanges::Insert(uint64_t begin, uint64_t end) {
  gaps_.emplace(begin, end);
  by_class_[ClassOf(end - begin)].insert(begin);
}

void FreeRanges::Erase(uint64_t begin, uint64_t end) {
  gaps_.erase(begin);
  by_class_[ClassOf(end - begin)].erase(begin);
}

void FreeRanges::Take(uint64_t begin, uint64_t end) {
  auto it = gaps_.upper_bound(begin);
  if (it != gaps_.begin()) {
    --it;
  }
  while (it != gaps_.end() && it->first < end) {
    auto [gap_begin, gap_end] = *it;
    ++it;
    if (gap_end <= begin) {
      continue;
    }
    Erase(gap_begin, gap_end);
    if (gap_begin < begin) {
      Insert(gap_begin, begin);
    }
    if (gap_end > end) {
      Insert(end, gap_end);
    }
  }
}

void FreeRanges::Give(uint64_t begin, uint64_t end) {
  // The window stays out, whatever is named.
  if (begin < kWindowEnd && end > kWindowBegin) {
    if (begin < kWindowBegin) {
      Give(begin, kWindowBegin);
    }
    if (end > kWindowEnd) {
      Give(kWindowEnd, end);
    }
    return;
  }
  if (begin >= end) {
    return;
  }
  Take(begin, end);
  auto next = gaps_.lower_bound(end);
  // Gaps on the two sides of the window never meet: it lies between them.
  if (next != gaps_.end() && next->first == end) {
    uint64_t next_end = next->second;
    Erase(end, next_end);
    end = next_end;
  }
  auto previous = gaps_.lower_bound(begin);
  if (previous != gaps_.begin()) {
    --previous;
    if (previous->second == begin) {
      uint64_t previous_begin = previous->first;
      Erase(previous_begin, begin);
      begin = previous_begin;
    }
  }
  Insert(begin, end);
}

std::optional<uint64_t> FreeRanges::FindBelow(uint64_t size, uint64_t ceiling, uint64_t floor,
                                              uint64_t alignment) const {
  if (size == 0) {
    return std::nullopt;
  }
  std::optional<uint64_t> best;
  for (unsigned size_class = ClassOf(size); size_class < by_class_.size(); ++size_class) {
    const std::set<uint64_t>& gaps = by_class_[size_class];
    // In the request's own class gaps may be too small: look at the highest few only. A
    // place that this misses lies in a gap less than twice as large as the request.
    int tries = 32;
    for (auto it = gaps.lower_bound(ceiling); it != gaps.begin() && tries > 0; --tries) {
      --it;
      uint64_t begin = std::max(*it, floor);
      uint64_t end = std::min(gaps_.find(*it)->second, ceiling);
      if (end < size || end - size < begin) {
        continue;
      }
      uint64_t place = (end - size) & ~(alignment - 1);
      if (place >= begin) {
        if (!best || place > *best) {
          best = place;
        }
        break;
      }
    }
  }
  return best;
}

}  // namespace ukrun
