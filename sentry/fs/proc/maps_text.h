// The mappings of a process as text: maps, smaps and smaps_rollup; and sizes of memory for
// the other files.
#pragma once

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

class MemoryManager;

Result<std::string> MapsText(const TargetView& view);
Result<std::string> SmapsText(const TargetView& view);
Result<std::string> SmapsRollupText(const TargetView& view);

// Bytes of a process in memory. Estimates: only the host knows which pages there are, and it
// is not asked. What is mapped and may be used counts as present; of a stack, which is mapped
// as a whole, only its usual part.
struct ResidentSizes {
  uint64_t anonymous = 0;
  uint64_t file = 0;
  uint64_t shared = 0;
  uint64_t total() const { return anonymous + file + shared; }
};
ResidentSizes GetResidentSizes(const MemoryManager& mm);

}  // namespace ukrun
