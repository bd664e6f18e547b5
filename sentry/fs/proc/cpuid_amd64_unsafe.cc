#include "sentry/fs/proc/cpuid.h"

namespace ukrun {
namespace {

CpuidResult Execute(uint32_t leaf, uint32_t subleaf) {
  CpuidResult result;
  asm volatile("cpuid"
               : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
               : "a"(leaf), "c"(subleaf));
  return result;
}

}  // namespace

CpuidResult QueryCpuid(uint32_t leaf, uint32_t subleaf) {
  // The highest leaf of each range stands in the range's first.
  uint32_t highest = Execute(leaf & 0x8000'0000, 0).eax;
  return leaf <= highest ? Execute(leaf, subleaf) : CpuidResult{};
}

}  // namespace ukrun
