// From time-outs to deadlines of CLOCK_MONOTONIC.
#pragma once

#include <time.h>

#include <cstdint>

#include "base/host_call.h"

namespace ukrun {

inline int64_t MonotonicNow() { return HostClockNs(CLOCK_MONOTONIC); }

// `timeout_ns` from now on; far ones saturate.
inline int64_t DeadlineAfter(int64_t timeout_ns) {
  int64_t now = MonotonicNow();
  return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

}  // namespace ukrun
