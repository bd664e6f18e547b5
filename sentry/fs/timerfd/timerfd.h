// The timer behind timerfd_create(2).
//
// Expirations are not counted as they happen: how many there are follows from the time of
// the next one, the interval and the clock. The kernel's timer only tells watchers of the
// first one that nobody has read yet.
#pragma once

#include "abi/timespec.h"
#include "base/locked.h"
#include "sentry/mm/guest_io.h"
#include "sentry/time/timer_service.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class TimerFd final : public File, private Timer {
 public:
  // `clock_id`: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME or an alarm clock.
  static RefPtr<File> Create(int32_t clock_id, uint32_t status_flags);
  TimerFd(Path path, const OpenOptions& options, int32_t clock_id);
  ~TimerFd() override;

  enum class TimeKind : uint8_t { kRelative, kAbsolute };
  // Returns what was set before. Requires: valid times.
  abi::Itimerspec SetTime(const abi::Itimerspec& time, TimeKind kind);
  abi::Itimerspec GetTime() const;

  Result<size_t> Read(GuestIo& io) override;
  // As on Linux, succeeds and does nothing.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Ready Readiness() override;
  WaitQueue* waiters() override { return &waiters_; }
  std::string FdInfo() override;
  const void* kind() const override { return &kKind; }

  static constexpr char kKind = 0;

 private:
  struct State {
    // The clock of `next_ns`: relative times are not touched by clock changes.
    int32_t clock_id = 0;
    // The oldest expiration that has not been read; 0 when there is none to come.
    int64_t next_ns = 0;
    int64_t interval_ns = 0;

    int64_t Now() const;
    // Expirations up to `now`.
    uint64_t Count(int64_t now) const;
    // The expiration after the next `count` ones. Requires: an interval.
    int64_t After(uint64_t count) const;
    abi::Itimerspec Left() const;
  };

  void Fire() override;
  // Requires the state's lock.
  void Arm(const State& state);

  const int32_t clock_id_;
  mutable Locked<State, LockRank::kTimerFile> state_;
  WaitQueue waiters_;
};

}  // namespace ukrun
