// CPU time of guest threads.
//
// The host tells another process's CPU time, but not that of its single threads. So a process's
// time is divided among its threads by how long each has been in guest code, which includes its
// waiting for a processor: exact for one thread, and never more than the process has used.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/locked.h"

namespace ukrun::ptrace {

// How long one thread has been in guest code. Entered and left by its kernel thread, read by
// anyone.
class GuestClock {
 public:
  void Enter();
  void Leave();
  int64_t ElapsedNs() const;

 private:
  std::atomic<int64_t> finished_ns_{0};
  std::atomic<int64_t> entered_at_ns_{0};  // CLOCK_MONOTONIC; 0: not in guest code
};

// Thread rule: synchronizes itself.
class ProcessTime {
 public:
  explicit ProcessTime(int host_pid) : host_pid_(host_pid) {}

  // A clock stays added for the life of its thread.
  void Add(const GuestClock& clock) { clocks_.Lock()->running.push_back(&clock); }
  void Remove(const GuestClock& clock);

  // The CPU time of the thread with this clock; 0 once the process has been reaped.
  int64_t Of(const GuestClock& clock) const;

 private:
  struct Clocks {
    std::vector<const GuestClock*> running;
    int64_t ended_ns = 0;
  };

  const int host_pid_;
  mutable Locked<Clocks, LockRank::kPlatform> clocks_;
};

}  // namespace ukrun::ptrace
