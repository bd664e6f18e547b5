// Keeps a sandbox within --memory: looks at its host processes several times a second and
// names those to give up when together they use too much.
//
// A sample is cheap while less than half the limit is in use (one line of /proc for each
// process), and exact above (pages shared by several processes count once).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <vector>

namespace ukrun {

class MemoryWatch {
 public:
  MemoryWatch(uint64_t limit_bytes, pid_t sentry) : limit_bytes_(limit_bytes), sentry_(sentry) {}

  // The processes to end if the limit is exceeded, the largest first, so many that the others
  // are within it; as the Sentry numbers host processes. None is named twice.
  std::vector<uint32_t> Sample();

  // How long until the next sample is worth taking.
  int64_t interval_ms() const;

 private:
  uint64_t limit_bytes_;
  pid_t sentry_;
  uint64_t used_bytes_ = 0;
  std::set<pid_t> victims_;  // named, and not gone yet
};

}  // namespace ukrun
