// The timers of one process: itimers (setitimer(2), alarm(2)) and POSIX timers
// (timer_create(2)).
//
// Each is a Timer of the service thread that looks at its own clock when it fires: clocks
// may be set, and CPU clocks run more slowly than time, so it may have to go on waiting.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/time/timer_service.h"

namespace ukrun {

class ThreadGroup;
class ProcessTimers;

// A setting: when next (0: not at all), and how often after that. Nanoseconds.
struct TimerSetting {
  int64_t value_ns = 0;
  int64_t interval_ns = 0;
};

// How a POSIX timer tells of itself (struct sigevent).
struct TimerNotification {
  enum class Kind : uint8_t { kSignalGroup, kSignalTask, kNone } kind = Kind::kSignalGroup;
  int32_t signal = 0;
  int32_t tid = 0;
  uint64_t value = 0;
};

// One timer on one clock.
class ProcessTimer final : public Timer, public RefCounted<ProcessTimer> {
 public:
  // `clock_id` as in clock_gettime(2); the CPU clocks are the group's, of a task if `tid`.
  ProcessTimer(ProcessTimers& owner, int32_t clock_id, int32_t tid, int32_t posix_id,
               TimerNotification notification);

  int32_t clock_id() const { return clock_id_; }

 private:
  friend class ProcessTimers;
  void Fire() override;

  ProcessTimers& owner_;
  const int32_t clock_id_;
  const int32_t tid_;
  const int32_t posix_id_;  // negative: an itimer, or RLIMIT_CPU's
  const TimerNotification notification_;
  // Guarded by the owner's lock. In the timer's clock; 0: not set.
  int64_t deadline_ns_ = 0;
  int64_t interval_ns_ = 0;
  bool deleted_ = false;
};

enum class Itimer : uint8_t { kReal = 0, kVirtual = 1, kProfile = 2 };
enum class TimeKind : uint8_t { kRelative, kAbsolute };

class ProcessTimers {
 public:
  explicit ProcessTimers(ThreadGroup& group);
  ~ProcessTimers();

  TimerSetting GetItimer(Itimer which);
  // Returns the old setting.
  TimerSetting SetItimer(Itimer which, const TimerSetting& setting);

  // Errors: EAGAIN when there are too many.
  Result<int32_t> Create(int32_t clock_id, int32_t tid, TimerNotification notification);
  // Errors of these: EINVAL for an id that does not exist.
  Result<TimerSetting> Get(int32_t id);
  Result<TimerSetting> Set(int32_t id, const TimerSetting& setting, TimeKind kind);
  Result<int32_t> Overrun(int32_t id);
  Result<void> Delete(int32_t id);

  // RLIMIT_CPU has been set or inherited: SIGXCPU at the soft limit and each second after
  // that, SIGKILL at the hard one.
  void ApplyCpuLimit();

  // execve(2): POSIX timers go, itimers stay.
  void DeletePosixTimers();
  // The process has ended: nothing fires any more.
  void DeleteAll();

 private:
  friend class ProcessTimer;
  struct State {
    // The three of setitimer(2), then the one of RLIMIT_CPU.
    std::array<RefPtr<ProcessTimer>, 4> itimers;
    std::map<int32_t, RefPtr<ProcessTimer>> posix;
    int32_t next_id = 0;
  };

  Result<RefPtr<ProcessTimer>> Find(int32_t id);
  int64_t Now(const ProcessTimer& timer) const;
  TimerSetting Remaining(const ProcessTimer& timer) const;
  static TimerSetting RemainingAt(const ProcessTimer& timer, int64_t now);
  void Discard(ProcessTimer& timer);
  bool CpuLimitExceededLocked() const;
  void ArmLocked(ProcessTimer& timer, int64_t now);
  void Notify(ProcessTimer& timer, int32_t missed);
  TimerSetting Change(ProcessTimer& timer, const TimerSetting& setting, TimeKind kind);

  ThreadGroup& group_;
  Locked<State, LockRank::kProcessTimers> state_;
};

}  // namespace ukrun
