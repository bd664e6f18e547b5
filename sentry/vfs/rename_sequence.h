// Lets a reader of several dentries (PathName, walking up) see a tree that no rename has
// changed meanwhile: Linux's rename_lock as a sequence counter.
//
//   do { seen = RenameSequence::Begin(); ... } while (RenameSequence::Changed(seen));
#pragma once

#include <atomic>
#include <cstdint>

namespace ukrun {

class RenameSequence {
 public:
  static uint64_t Begin() { return counter_.load(std::memory_order_acquire); }
  static bool Changed(uint64_t seen) {
    std::atomic_thread_fence(std::memory_order_acquire);
    return counter_.load(std::memory_order_relaxed) != seen || active_.load() != 0;
  }

  // A change in progress. Several may overlap.
  class Change {
   public:
    Change() {
      active_.fetch_add(1);
      counter_.fetch_add(1, std::memory_order_acq_rel);
    }
    ~Change() {
      counter_.fetch_add(1, std::memory_order_acq_rel);
      active_.fetch_sub(1);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
  };

 private:
  static inline constinit std::atomic<uint64_t> counter_{0};
  static inline constinit std::atomic<uint32_t> active_{0};
};

}  // namespace ukrun
