// Host system calls. Every call that kernel code makes to the host goes through one
// routine with one SYSCALL instruction (RawHostCall); nothing else in the image has one.
//
// RawHostCall returns what the host returned (a negative errno on failure). HostCall
// wraps it in a Result and repeats calls that a signal interrupted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace ukrun {

extern "C" long UkrunRawHostCall(long number, long a, long b, long c, long d, long e, long f);

// Pointers and integers of any kind become register values.
template <typename T>
long HostArgument(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return static_cast<long>(reinterpret_cast<uintptr_t>(value));
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    return 0;
  } else {
    return static_cast<long>(value);
  }
}

template <typename A = long, typename B = long, typename C = long, typename D = long,
          typename E = long, typename F = long>
long RawHostCall(long number, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0, F f = 0) {
  return UkrunRawHostCall(number, HostArgument(a), HostArgument(b), HostArgument(c),
                          HostArgument(d), HostArgument(e), HostArgument(f));
}

template <typename... Args>
Result<long> HostCall(long number, Args... args) {
  long result;
  do {
    result = RawHostCall(number, args...);
  } while (result == -EINTR);
  if (result < 0 && result > -4096) {
    return Fail(static_cast<int>(-result));
  }
  return result;
}

// Sleeps while `word` holds `expected`. May return early; callers look again. With a
// deadline (CLOCK_MONOTONIC, ns; -1 means none) returns false when it passed.
bool HostFutexWait(const std::atomic<uint32_t>& word, uint32_t expected, int64_t deadline_ns = -1);
void HostFutexWake(const std::atomic<uint32_t>& word, int count);

// Nanoseconds of the host's clock `clock_id` (CLOCK_*).
int64_t HostClockNs(int clock_id);

// Sends `bytes` to the host descriptor, as far as it takes them. For messages only.
void HostWriteAll(int fd, const void* data, size_t size);

}  // namespace ukrun
