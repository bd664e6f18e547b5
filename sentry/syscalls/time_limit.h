// The time-out of ppoll, select and pselect6, which Linux writes back as what is left of it.
#pragma once

#include "abi/timespec.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/syscalls/temporary_mask.h"
#include "sentry/time/deadline.h"

namespace ukrun {

class TimeLimit {
 public:
  // No limit.
  TimeLimit() = default;
  // Errors: EINVAL.
  static Result<TimeLimit> From(const abi::Timespec& timeout) {
    if (!timeout.valid()) {
      return Fail(EINVAL);
    }
    TimeLimit limit;
    int64_t ns = timeout.ToNs();
    limit.deadline_ns_ = ns == 0 ? 0 : DeadlineAfter(ns);
    return limit;
  }

  // kNoDeadline, or 0 for "only look", or CLOCK_MONOTONIC.
  int64_t deadline_ns() const { return deadline_ns_; }
  // Only a limit that lets time pass is written back.
  bool writes_back() const { return deadline_ns_ > 0; }
  abi::Timespec Left() const {
    int64_t left = deadline_ns_ - MonotonicNow();
    return abi::Timespec::FromNs(left < 0 ? 0 : left);
  }

 private:
  int64_t deadline_ns_ = kNoDeadline;
};

// The end of such a call: the caller's mask comes back, and `store(left)` writes the rest of
// the time. When that is not possible the call can't be restarted, but hasn't failed either.
template <typename Store>
Result<int64_t> FinishTimedWait(Task& task, const Result<int64_t>& result, const TimeLimit& limit,
                                Store store) {
  bool interrupted = result.Is(kErestartnohand);
  EndTemporaryMask(task, interrupted ? SignalEnds::kYes : SignalEnds::kNo);
  if (limit.writes_back() && !store(limit.Left()).ok() && interrupted) {
    return Fail(EINTR);
  }
  return result;
}

}  // namespace ukrun
