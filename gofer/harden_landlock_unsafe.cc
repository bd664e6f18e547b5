#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host_fd.h"
#include "gofer/harden.h"

namespace ukrun::gofer {
namespace {

// Newer than the headers of Debian 12 (include/uapi/linux/landlock.h).
constexpr uint64_t kTruncate = uint64_t{1} << 14;   // ABI 3
constexpr uint64_t kIoctlDev = uint64_t{1} << 15;   // ABI 5
constexpr uint64_t kNetBindTcp = uint64_t{1} << 0;  // ABI 4
constexpr uint64_t kNetConnectTcp = uint64_t{1} << 1;
constexpr uint64_t kScopeAbstractSocket = uint64_t{1} << 0;  // ABI 6
constexpr uint64_t kScopeSignal = uint64_t{1} << 1;

struct RulesetAttributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;  // ABI 4
  uint64_t scoped;              // ABI 6
};

constexpr uint64_t kList = LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kRead = kList | LANDLOCK_ACCESS_FS_READ_FILE;
constexpr uint64_t kChange = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                             LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                             LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | kTruncate;
// What can be said about a file that isn't a directory.
constexpr uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;

uint64_t HandledBy(long abi) {
  uint64_t first_version = (uint64_t{1} << 13) - 1;
  return first_version | (abi >= 2 ? uint64_t{LANDLOCK_ACCESS_FS_REFER} : 0) |
         (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kIoctlDev : 0);
}

size_t AttributesSize(long abi) {
  if (abi < 4) {
    return sizeof(uint64_t);
  }
  return abi < 6 ? 2 * sizeof(uint64_t) : sizeof(RulesetAttributes);
}

uint64_t RightsOf(const LandlockRule& rule, uint64_t handled) {
  uint64_t rights = kList;
  if (rule.access != LandlockRule::Access::kListOnly) {
    rights = rule.access == LandlockRule::Access::kRead ? kRead : kRead | kChange;
  }
  return rights & handled & (rule.is_directory ? ~uint64_t{0} : kOfFiles);
}

}  // namespace

Result<bool> RestrictPaths(std::span<const LandlockRule> rules) {
  long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    return false;
  }
  RulesetAttributes attributes{};
  attributes.handled_access_fs = HandledBy(abi);
  attributes.handled_access_net = kNetBindTcp | kNetConnectTcp;
  attributes.scoped = kScopeAbstractSocket | kScopeSignal;
  long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, AttributesSize(abi), 0);
  if (ruleset < 0) {
    return Fail(errno);
  }
  HostFd owned(static_cast<int>(ruleset));
  for (const LandlockRule& rule : rules) {
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = RightsOf(rule, attributes.handled_access_fs);
    beneath.parent_fd = rule.fd;
    bool none = beneath.allowed_access == 0;
    if (!none &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
      return Fail(errno);
    }
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) {
    return Fail(errno);
  }
  return true;
}

}  // namespace ukrun::gofer
