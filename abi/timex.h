// struct timex (adjtimex(2), <linux/timex.h>).
#pragma once

#include <cstdint>

namespace ukrun::abi {

inline constexpr uint32_t kAdjOffsetSsRead = 0xa001;  // ADJ_OFFSET_SS_READ
inline constexpr int32_t kStaUnsynchronized = 0x40;   // STA_UNSYNC
inline constexpr int kTimeError = 5;                  // TIME_ERROR

struct Timex {
  uint32_t modes = 0;
  uint32_t padding1 = 0;
  int64_t offset = 0;
  int64_t frequency = 0;
  int64_t max_error_us = 0;
  int64_t estimated_error_us = 0;
  int32_t status = 0;
  uint32_t padding2 = 0;
  int64_t constant = 0;
  int64_t precision_us = 0;
  int64_t tolerance = 0;
  int64_t seconds = 0;
  int64_t microseconds = 0;
  int64_t tick_us = 0;
  int64_t pps_frequency = 0;
  int64_t jitter = 0;
  int32_t shift = 0;
  uint32_t padding3 = 0;
  int64_t stability = 0;
  int64_t pps_counts[4] = {};
  int32_t tai = 0;
  uint32_t reserved[11] = {};
};
static_assert(sizeof(Timex) == 208);

}  // namespace ukrun::abi
