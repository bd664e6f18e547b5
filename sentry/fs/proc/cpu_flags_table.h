// The names that /proc/cpuinfo has for bits of CPUID (arch/x86/include/asm/cpufeatures.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ukrun {

struct CpuFlag {
  enum class Register : uint8_t { kEax, kEbx, kEcx, kEdx };
  uint32_t leaf;
  uint32_t subleaf;
  Register in;
  uint8_t bit;
  std::string_view name;
};

// In the order in which Linux prints them.
std::span<const CpuFlag> CpuFlags();

}  // namespace ukrun
