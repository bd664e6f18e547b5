// Turns a list of allowed calls into a seccomp program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace ukrun {

// Allows a call only where (argument & mask) == value.
struct ArgumentCheck {
  unsigned argument = 0;
  uint64_t mask = ~uint64_t{0};
  uint64_t value = 0;
};

struct AllowedCall {
  int number = 0;
  // Who makes the call and what for. Every entry has one; a test sees to it.
  const char* reason = "";
  std::optional<ArgumentCheck> check;
};

// The program as the host takes it (struct sock_filter, one after the other). A call may
// be listed several times with different checks; one that holds is enough. The calls in
// `signalled` are not made either, but end in a SIGSYS instead of the process's death.
absl::StatusOr<std::string> BuildFilter(std::span<const AllowedCall> allowed,
                                        std::span<const int> signalled = {});

}  // namespace ukrun
