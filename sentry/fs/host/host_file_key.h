// What tells host files apart, even when the host uses an inode number again.
#pragma once

#include <compare>
#include <cstdint>

#include "gofer/types.h"

namespace ukrun {

struct HostFileKey {
  explicit HostFileKey(const GoferAttributes& attributes)
      : device(attributes.dev), number(attributes.ino), birth_time_ns(attributes.btime_ns) {}
  auto operator<=>(const HostFileKey&) const = default;

  uint64_t device;
  uint64_t number;
  int64_t birth_time_ns;
};

}  // namespace ukrun
