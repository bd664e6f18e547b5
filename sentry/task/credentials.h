// Who a task is: ids, groups, capabilities (credentials(7), capabilities(7)).
//
// Immutable once published: a change makes a copy, and a task's pointer is swapped, so
// readers need no lock.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ref_ptr.h"
#include "base/result.h"

namespace ukrun {

enum class Capability : uint8_t {
  kChown = 0,
  kDacOverride = 1,
  kDacReadSearch = 2,
  kFowner = 3,
  kFsetid = 4,
  kKill = 5,
  kSetgid = 6,
  kSetuid = 7,
  kSetpcap = 8,
  kLinuxImmutable = 9,
  kNetBindService = 10,
  kNetBroadcast = 11,
  kNetAdmin = 12,
  kNetRaw = 13,
  kIpcLock = 14,
  kIpcOwner = 15,
  kSysModule = 16,
  kSysRawio = 17,
  kSysChroot = 18,
  kSysPtrace = 19,
  kSysPacct = 20,
  kSysAdmin = 21,
  kSysBoot = 22,
  kSysNice = 23,
  kSysResource = 24,
  kSysTime = 25,
  kSysTtyConfig = 26,
  kMknod = 27,
  kLease = 28,
  kAuditWrite = 29,
  kAuditControl = 30,
  kSetfcap = 31,
  kMacOverride = 32,
  kMacAdmin = 33,
  kSyslog = 34,
  kWakeAlarm = 35,
  kBlockSuspend = 36,
  kAuditRead = 37,
  kPerfmon = 38,
  kBpf = 39,
  kCheckpointRestore = 40,
};

using CapabilitySet = uint64_t;
inline constexpr CapabilitySet kAllCapabilities = (uint64_t{1} << 41) - 1;
constexpr CapabilitySet CapabilityBit(Capability capability) {
  return uint64_t{1} << static_cast<unsigned>(capability);
}

class Credentials : public RefCounted<Credentials> {
 public:
  Credentials() = default;
  explicit Credentials(const Credentials& other, int)  // a copy to change; see Copy()
      : uid(other.uid),
        euid(other.euid),
        suid(other.suid),
        fsuid(other.fsuid),
        gid(other.gid),
        egid(other.egid),
        sgid(other.sgid),
        fsgid(other.fsgid),
        groups(other.groups),
        permitted(other.permitted),
        effective(other.effective),
        inheritable(other.inheritable),
        bounding(other.bounding),
        ambient(other.ambient),
        secure_bits(other.secure_bits),
        keep_capabilities(other.keep_capabilities),
        no_new_privileges(other.no_new_privileges) {}
  RefPtr<Credentials> Copy() const { return MakeRef<Credentials>(*this, 0); }

  bool Has(Capability capability) const { return (effective & CapabilityBit(capability)) != 0; }

  uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<uint32_t> groups;
  CapabilitySet permitted = 0, effective = 0, inheritable = 0;
  CapabilitySet bounding = kAllCapabilities, ambient = 0;
  uint32_t secure_bits = 0;
  bool keep_capabilities = false;
  bool no_new_privileges = false;
};

}  // namespace ukrun
