// struct timespec and struct itimerspec.
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct Timespec {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;

  bool valid() const { return seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1'000'000'000; }
  // Saturates: 292 years are for ever.
  int64_t ToNs() const {
    constexpr int64_t kMost = INT64_MAX / 1'000'000'000;
    return seconds >= kMost ? INT64_MAX : seconds * 1'000'000'000 + nanoseconds;
  }
  static Timespec FromNs(int64_t ns) { return Timespec{ns / 1'000'000'000, ns % 1'000'000'000}; }
};

struct Itimerspec {
  Timespec interval;
  Timespec value;
};

}  // namespace ukrun::abi
