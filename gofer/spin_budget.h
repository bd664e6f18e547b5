// How long it pays to look for something before sleeping, learned from how it went.
//
// Between two CPUs that are both free, looking for a few microseconds saves two trips through
// the host's scheduler. When the other side waits for this very CPU, looking is what keeps it
// from answering. Which of the two it is changes with the load, so the budget shrinks with
// every failure, grows with success, and is tried in full now and then.
//
// Used by both ends of the channel. Any number of threads; what they tell each other is a hint.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ukrun::gofer {

class SpinBudget {
 public:
  static constexpr int64_t kMostNs = 50'000;
  static constexpr int64_t kLeastNs = 1'000;

  int64_t NextNs() {
    uint32_t turn = turns_.fetch_add(1, std::memory_order_relaxed);
    return turn % kFullEvery == 0 ? kMostNs : budget_ns_.load(std::memory_order_relaxed);
  }
  void Succeeded(int64_t after_ns) {
    int64_t wanted = std::min(2 * after_ns + kLeastNs, kMostNs);
    if (wanted > budget_ns_.load(std::memory_order_relaxed)) {
      budget_ns_.store(wanted, std::memory_order_relaxed);
    }
  }
  void Failed() {
    int64_t budget = budget_ns_.load(std::memory_order_relaxed);
    budget_ns_.store(std::max(budget / 2, kLeastNs), std::memory_order_relaxed);
  }

 private:
  static constexpr uint32_t kFullEvery = 64;
  std::atomic<int64_t> budget_ns_{kMostNs};
  std::atomic<uint32_t> turns_{0};
};

}  // namespace ukrun::gofer
