#include "sentry/time/process_timers.h"

#include <time.h>

#include <algorithm>

#include "sentry/kernel.h"
#include "sentry/signal/signals.h"
#include "sentry/task/exit.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

// Clocks of itimers that clock_gettime(2) has no number for.
constexpr int32_t kUserTimeClock = -1;

constexpr int32_t kItimerId = -1;
constexpr int32_t kCpuLimitId = -2;
constexpr size_t kCpuLimitSlot = 3;
constexpr int64_t kSecondNs = 1'000'000'000;

constexpr int64_t kCpuCheckNs = 1'000'000;
constexpr size_t kMostPosixTimers = 8192;

bool IsCpuClock(int32_t clock_id) {
  return clock_id < 0 || clock_id == CLOCK_PROCESS_CPUTIME_ID ||
         clock_id == CLOCK_THREAD_CPUTIME_ID;
}

TimerNotification SignalOnly(int signal) {
  TimerNotification notification;
  notification.signal = signal;
  return notification;
}

}  // namespace

ProcessTimer::ProcessTimer(ProcessTimers& owner, int32_t clock_id, int32_t tid, int32_t posix_id,
                           TimerNotification notification)
    : Timer(kernel().timers()),
      owner_(owner),
      clock_id_(clock_id),
      tid_(tid),
      posix_id_(posix_id),
      notification_(notification) {}

void ProcessTimer::Fire() {
  int64_t now = owner_.Now(*this);
  int32_t missed = 0;
  {
    auto state = owner_.state_.Lock();
    if (deadline_ns_ == 0) {
      return;
    }
    if (now < deadline_ns_) {
      owner_.ArmLocked(*this, now);
      return;
    }
    if (interval_ns_ > 0) {
      int64_t periods = (now - deadline_ns_) / interval_ns_;
      missed = static_cast<int32_t>(std::min<int64_t>(periods, INT32_MAX));
      deadline_ns_ += (periods + 1) * interval_ns_;
      owner_.ArmLocked(*this, now);
    } else {
      deadline_ns_ = 0;
    }
  }
  owner_.Notify(*this, missed);
}

ProcessTimers::ProcessTimers(ThreadGroup& group) : group_(group) {}

ProcessTimers::~ProcessTimers() { DeleteAll(); }

int64_t ProcessTimers::Now(const ProcessTimer& timer) const {
  if (!IsCpuClock(timer.clock_id_)) {
    return HostClockNs(timer.clock_id_);
  }
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  if (timer.tid_ != 0) {
    const Task* task = tree.FindTaskLocked(timer.tid_);
    return task == nullptr ? 0 : task->UserTimeNs() + task->SystemTimeNs();
  }
  ResourceUsage usage = UsageLocked(group_);
  return timer.clock_id_ == kUserTimeClock ? usage.user_ns : usage.user_ns + usage.system_ns;
}

void ProcessTimers::ArmLocked(ProcessTimer& timer, int64_t now) {
  int64_t wait = timer.deadline_ns_ > now ? timer.deadline_ns_ - now : 0;
  if (IsCpuClock(timer.clock_id_)) {
    // Several threads may use the time up together.
    int64_t cpus = std::max<int64_t>(group_.live_tasks, 1);
    wait = std::max(wait / cpus, kCpuCheckNs);
  }
  timer.Timer::Set(DeadlineAfter(wait));
}

TimerSetting ProcessTimers::Remaining(const ProcessTimer& timer) const {
  int64_t now = Now(timer);
  auto state = state_.Lock();
  return RemainingAt(timer, now);
}

TimerSetting ProcessTimers::RemainingAt(const ProcessTimer& timer, int64_t now) {
  TimerSetting setting;
  setting.interval_ns = timer.interval_ns_;
  if (timer.deadline_ns_ != 0) {
    // A timer that is due but has not been served yet is not off: it shows the least.
    setting.value_ns = std::max<int64_t>(timer.deadline_ns_ - now, 1);
  }
  return setting;
}

TimerSetting ProcessTimers::Change(ProcessTimer& timer, const TimerSetting& setting,
                                   TimeKind kind) {
  timer.Cancel();
  int64_t now = Now(timer);
  auto state = state_.Lock();
  TimerSetting old = RemainingAt(timer, now);
  timer.interval_ns_ = setting.interval_ns;
  if (setting.value_ns == 0 || timer.deleted_) {
    timer.deadline_ns_ = 0;
    return old;
  }
  bool overflows = setting.value_ns > INT64_MAX - now;
  timer.deadline_ns_ = kind == TimeKind::kAbsolute ? setting.value_ns
                       : overflows                 ? INT64_MAX
                                                   : now + setting.value_ns;
  ArmLocked(timer, now);
  return old;
}

// Sends the signal; one that is still pending counts the new expiration as overrun.
void ProcessTimers::Notify(ProcessTimer& timer, int32_t missed) {
  const TimerNotification& notification = timer.notification_;
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  if (timer.posix_id_ == kCpuLimitId && CpuLimitExceededLocked()) {
    BeginGroupExitLocked(group_, abi::kSigKill);
    return;
  }
  if (timer.posix_id_ < 0) {
    static_cast<void>(SendSignalLocked(group_, KernelSignal(notification.signal)));
    return;
  }
  if (notification.kind == TimerNotification::Kind::kNone) {
    return;
  }
  Task* task = notification.kind == TimerNotification::Kind::kSignalTask
                   ? tree.FindTaskLocked(notification.tid)
                   : nullptr;
  if (notification.kind == TimerNotification::Kind::kSignalTask && task == nullptr) {
    return;
  }
  PendingSignals& pending = task != nullptr ? task->signals.pending : group_.pending;
  for (abi::SigInfo& info : pending.queue) {
    if (info.code == abi::kSiTimer && info.timer.id == timer.posix_id_) {
      info.timer.overrun += 1 + missed;
      return;
    }
  }
  abi::SigInfo info;
  info.signal = notification.signal;
  info.code = abi::kSiTimer;
  info.timer.id = timer.posix_id_;
  info.timer.overrun = missed;
  info.timer.value = notification.value;
  static_cast<void>(task != nullptr ? SendSignalLocked(*task, info)
                                    : SendSignalLocked(group_, info));
}

TimerSetting ProcessTimers::GetItimer(Itimer which) {
  RefPtr<ProcessTimer> timer = state_.Lock()->itimers[static_cast<size_t>(which)];
  return timer ? Remaining(*timer) : TimerSetting{};
}

TimerSetting ProcessTimers::SetItimer(Itimer which, const TimerSetting& setting) {
  RefPtr<ProcessTimer> timer;
  {
    auto state = state_.Lock();
    RefPtr<ProcessTimer>& slot = state->itimers[static_cast<size_t>(which)];
    if (!slot) {
      if (setting.value_ns == 0) {
        return TimerSetting{};
      }
      int32_t clock = which == Itimer::kReal      ? CLOCK_MONOTONIC
                      : which == Itimer::kVirtual ? kUserTimeClock
                                                  : CLOCK_PROCESS_CPUTIME_ID;
      int signal = which == Itimer::kReal      ? abi::kSigAlrm
                   : which == Itimer::kVirtual ? abi::kSigVtalrm
                                               : abi::kSigProf;
      slot = MakeRef<ProcessTimer>(*this, clock, 0, kItimerId, SignalOnly(signal));
    }
    timer = slot;
  }
  return Change(*timer, setting, TimeKind::kRelative);
}

// Seconds of CPU time as nanoseconds; far limits are none.
static int64_t LimitNs(uint64_t seconds) {
  constexpr uint64_t kMost = INT64_MAX / kSecondNs;
  return seconds >= kMost ? INT64_MAX : static_cast<int64_t>(seconds) * kSecondNs;
}

bool ProcessTimers::CpuLimitExceededLocked() const {
  ResourceUsage usage = UsageLocked(group_);
  return usage.user_ns + usage.system_ns >= LimitNs(group_.GetLimit(kRlimitCpu).hard);
}

void ProcessTimers::ApplyCpuLimit() {
  ResourceLimit limit = group_.GetLimit(kRlimitCpu);
  RefPtr<ProcessTimer> timer;
  {
    auto state = state_.Lock();
    RefPtr<ProcessTimer>& slot = state->itimers[kCpuLimitSlot];
    if (!slot) {
      if (limit.soft == UINT64_MAX) {
        return;
      }
      slot = MakeRef<ProcessTimer>(*this, CLOCK_PROCESS_CPUTIME_ID, 0, kCpuLimitId,
                                   SignalOnly(abi::kSigXcpu));
    }
    timer = slot;
  }
  TimerSetting setting;
  if (limit.soft != UINT64_MAX) {
    setting.value_ns = std::max<int64_t>(LimitNs(limit.soft), 1);
    setting.interval_ns = kSecondNs;
  }
  static_cast<void>(Change(*timer, setting, TimeKind::kAbsolute));
}

Result<int32_t> ProcessTimers::Create(int32_t clock_id, int32_t tid,
                                      TimerNotification notification) {
  auto state = state_.Lock();
  if (state->posix.size() >= kMostPosixTimers) {
    return Fail(EAGAIN);
  }
  while (state->posix.contains(state->next_id)) {
    state->next_id = state->next_id == INT32_MAX ? 0 : state->next_id + 1;
  }
  int32_t id = state->next_id++;
  state->next_id = std::max(state->next_id, 0);
  if (notification.kind == TimerNotification::Kind::kSignalGroup && notification.signal < 0) {
    // No sigevent given: SIGALRM, with the timer's id as its value.
    notification.signal = abi::kSigAlrm;
    notification.value = static_cast<uint64_t>(id);
  }
  state->posix.emplace(id, MakeRef<ProcessTimer>(*this, clock_id, tid, id, notification));
  return id;
}

Result<RefPtr<ProcessTimer>> ProcessTimers::Find(int32_t id) {
  auto state = state_.Lock();
  auto it = state->posix.find(id);
  if (it == state->posix.end()) {
    return Fail(EINVAL);
  }
  return it->second;
}

Result<TimerSetting> ProcessTimers::Get(int32_t id) { return Remaining(*TRY(Find(id))); }

Result<TimerSetting> ProcessTimers::Set(int32_t id, const TimerSetting& setting, TimeKind kind) {
  return Change(*TRY(Find(id)), setting, kind);
}

Result<int32_t> ProcessTimers::Overrun(int32_t id) {
  TRY(Find(id));
  MutexGuard guard(kernel().tasks().lock());
  auto it = group_.timer_overruns.find(id);
  return it == group_.timer_overruns.end() ? 0 : it->second;
}

Result<void> ProcessTimers::Delete(int32_t id) {
  RefPtr<ProcessTimer> timer = TRY(Find(id));
  state_.Lock()->posix.erase(id);
  Discard(*timer);
  return Ok();
}

// A sibling may be about to set it again: a deleted timer stays off.
void ProcessTimers::Discard(ProcessTimer& timer) {
  {
    auto state = state_.Lock();
    timer.deleted_ = true;
    timer.deadline_ns_ = 0;
  }
  timer.Cancel();
}

void ProcessTimers::DeletePosixTimers() {
  std::map<int32_t, RefPtr<ProcessTimer>> timers;
  timers.swap(state_.Lock()->posix);
  for (auto& [id, timer] : timers) {
    Discard(*timer);
  }
}

void ProcessTimers::DeleteAll() {
  DeletePosixTimers();
  std::array<RefPtr<ProcessTimer>, 4> itimers;
  itimers.swap(state_.Lock()->itimers);
  for (RefPtr<ProcessTimer>& timer : itimers) {
    if (timer) {
      Discard(*timer);
    }
  }
}

}  // namespace ukrun
