// struct rusage (getrusage(2)) and struct timeval.
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct Timeval {
  int64_t seconds = 0;
  int64_t microseconds = 0;
};

struct Rusage {
  Timeval user_time;
  Timeval system_time;
  int64_t max_resident_kib = 0;
  int64_t unused_sizes[3] = {};
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
  int64_t swaps = 0;
  int64_t blocks_in = 0;
  int64_t blocks_out = 0;
  int64_t messages[2] = {};
  int64_t signals = 0;
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
};
static_assert(sizeof(Rusage) == 144);

}  // namespace ukrun::abi
