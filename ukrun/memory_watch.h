// Keeps a sandbox within --memory: looks at its host processes several times a second and
// names the one to give up when together they use too much.
//
// A sample is cheap while less than half the limit is in use (one line of /proc for each
// process), and exact above (pages shared by several processes count once).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace ukrun {

class MemoryWatch {
 public:
  MemoryWatch(uint64_t limit_bytes, pid_t sentry) : limit_bytes_(limit_bytes), sentry_(sentry) {}

  // The process to end if the limit is exceeded, as the Sentry numbers host processes. The
  // same one is not named twice.
  std::optional<uint32_t> Sample();

  // How long until the next sample is worth taking.
  int64_t interval_ms() const;

 private:
  uint64_t limit_bytes_;
  pid_t sentry_;
  uint64_t used_bytes_ = 0;
  pid_t last_victim_ = -1;
};

}  // namespace ukrun
