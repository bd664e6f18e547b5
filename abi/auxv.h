// The auxiliary vector: pairs of numbers that Linux leaves above the environment on a new
// program's stack. Types are those of include/uapi/linux/auxvec.h and
// arch/x86/include/uapi/asm/auxvec.h.
#pragma once

#include <cstdint>

namespace ukrun::abi {

enum class AuxType : uint64_t {
  kNull = 0,
  kIgnore = 1,
  kExecFd = 2,
  kPhdr = 3,
  kPhent = 4,
  kPhnum = 5,
  kPageSize = 6,
  kBase = 7,
  kFlags = 8,
  kEntry = 9,
  kNotElf = 10,
  kUid = 11,
  kEuid = 12,
  kGid = 13,
  kEgid = 14,
  kPlatform = 15,
  kHwcap = 16,
  kClockTicks = 17,
  kSecure = 23,
  kBasePlatform = 24,
  kRandom = 25,
  kHwcap2 = 26,
  kRseqFeatureSize = 27,
  kRseqAlign = 28,
  kHwcap3 = 29,
  kHwcap4 = 30,
  kExecFilename = 31,
  kSysinfo = 32,
  kSysinfoEhdr = 33,
  kMinimumSignalStack = 51,
};

struct AuxEntry {
  AuxType type;
  uint64_t value;

  friend bool operator==(const AuxEntry&, const AuxEntry&) = default;
};
static_assert(sizeof(AuxEntry) == 16);

}  // namespace ukrun::abi
