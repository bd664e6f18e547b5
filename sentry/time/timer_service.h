// One service thread that runs callbacks at given times.
//
// A Timer may be set and cancelled by anyone. Its callback runs on the service thread,
// with no lock held, and must not sleep. Cancel() returns once the callback is certainly
// not running (unless called by the callback itself).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>

#include "base/mutex.h"

namespace ukrun {

class TimerService;

class Timer {
 public:
  explicit Timer(TimerService& service) : service_(service) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  // Must have been cancelled.
  virtual ~Timer();

  // CLOCK_MONOTONIC, ns. Replaces an earlier time.
  void Set(int64_t deadline_ns);
  void Cancel();

 protected:
  virtual void Fire() = 0;

 private:
  friend class TimerService;
  TimerService& service_;
  int64_t deadline_ns_ = -1;  // guarded by the service's lock; -1: not set
};

class TimerService {
 public:
  // Starts the service thread.
  static TimerService* Create();

 private:
  friend class Timer;
  TimerService() = default;
  static void ThreadMain(void* service);
  void Run();
  void RemoveLocked(Timer& timer);

  Mutex lock_{LockRank::kTimers};
  std::multimap<int64_t, Timer*> queue_;
  Timer* running_ = nullptr;
  int32_t thread_id_ = 0;
  // Changes whenever the earliest deadline may have; the service thread sleeps on it.
  std::atomic<uint32_t> sequence_{0};
};

}  // namespace ukrun
