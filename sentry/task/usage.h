// ResourceUsage as struct rusage.
#pragma once

#include "abi/rusage.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

inline abi::Timeval ToTimeval(int64_t ns) {
  return abi::Timeval{ns / 1'000'000'000, ns % 1'000'000'000 / 1000};
}

inline abi::Rusage ToRusage(const ResourceUsage& usage) {
  abi::Rusage result;
  result.user_time = ToTimeval(usage.user_ns);
  result.system_time = ToTimeval(usage.system_ns);
  result.max_resident_kib = usage.max_resident_kib;
  result.minor_faults = usage.minor_faults;
  result.major_faults = usage.major_faults;
  result.voluntary_switches = usage.voluntary_switches;
  result.involuntary_switches = usage.involuntary_switches;
  return result;
}

}  // namespace ukrun
