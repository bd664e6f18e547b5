// What the processor says of itself (CPUID). Guests may ask it too, so nothing here is news
// to them.
#pragma once

#include <cstdint>

namespace ukrun {

struct CpuidResult {
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
};

// Zeros for leaves that the processor does not have.
CpuidResult QueryCpuid(uint32_t leaf, uint32_t subleaf = 0);

}  // namespace ukrun
