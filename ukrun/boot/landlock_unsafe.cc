#include "ukrun/boot/landlock.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "ukrun/boot/boot_error.h"

namespace ukrun::boot {
namespace {

// All rights over files that each version of Landlock's interface knows: one bit each, from
// the lowest. A right that is handled and granted to no path is gone.
uint64_t FileRights(long version) {
  constexpr int kRights[] = {13, 14, 15, 15, 16};
  constexpr long kNewest = sizeof(kRights) / sizeof(kRights[0]);
  int bits = kRights[version < kNewest ? version - 1 : kNewest - 1];
  return (uint64_t{1} << bits) - 1;
}

// As Linux 6.12 has it: rights over TCP ports, and over abstract sockets and signals to
// processes outside. Older kernels take a shorter structure.
struct RulesetAttributes {
  uint64_t files;
  uint64_t network;
  uint64_t scoped;
};

constexpr uint64_t kBindAndConnectTcp = 3;
constexpr uint64_t kAbstractSocketsAndSignals = 3;

}  // namespace

void ForbidPaths() {
  long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version <= 0) {
    return;
  }
  RulesetAttributes rules = {FileRights(version), version >= 4 ? kBindAndConnectTcp : 0,
                             version >= 6 ? kAbstractSocketsAndSignals : 0};
  size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  long ruleset = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
  if (ruleset < 0) {
    Fail("Landlock is there but refuses", errno);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    Fail("Landlock is there but refuses", errno);
  }
  close(static_cast<int>(ruleset));
}

}  // namespace ukrun::boot
