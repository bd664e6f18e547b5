// How a task sleeps in the kernel, and how others wake it.
//
//   uint32_t seen = sleeper.Prepare();
//   ... look whether there is a reason not to sleep ...
//   sleeper.Sleep(seen, deadline);
//
// A Wake() between Prepare and Sleep makes Sleep return at once.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/host_call.h"
#include "base/wait_queue.h"

namespace ukrun {

class Sleeper {
 public:
  uint32_t Prepare() const { return sequence_.load(std::memory_order_acquire); }
  // `deadline_ns` is CLOCK_MONOTONIC, -1 for none. Returns false when it passed.
  bool Sleep(uint32_t seen, int64_t deadline_ns) {
    if (sequence_.load(std::memory_order_acquire) != seen) {
      return true;
    }
    return HostFutexWait(sequence_, seen, deadline_ns);
  }
  void Wake() {
    sequence_.fetch_add(1, std::memory_order_acq_rel);
    HostFutexWake(sequence_, 1);
  }

 private:
  std::atomic<uint32_t> sequence_{0};
};

// A waiter that wakes a sleeper.
class SleeperWaiter final : public Waiter {
 public:
  explicit SleeperWaiter(Sleeper& sleeper) : sleeper_(sleeper) {}
  void OnReady(Ready) override { sleeper_.Wake(); }

 private:
  Sleeper& sleeper_;
};

}  // namespace ukrun
