#include "gofer/hidden_filesystems.h"

#include <fcntl.h>
#include <linux/magic.h>

#include <algorithm>
#include <array>

#include "gofer/host_files.h"

namespace ukrun::gofer {
namespace {

// Numbers that <linux/magic.h> of older kernels lacks are written out.
constexpr auto kKernelFilesystems = std::to_array<uint64_t>({
    PROC_SUPER_MAGIC,     SYSFS_MAGIC,          DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,  DEBUGFS_MAGIC,        TRACEFS_MAGIC,      SECURITYFS_MAGIC,
    SELINUX_MAGIC,        SMACK_MAGIC,          AAFS_MAGIC,         BPF_FS_MAGIC,
    EFIVARFS_MAGIC,       PSTOREFS_MAGIC,       NSFS_MAGIC,         BINFMTFS_MAGIC,
    RDTGROUP_SUPER_MAGIC, BINDERFS_SUPER_MAGIC,
    0x62656570,  // configfs
    0x65735543,  // fusectl
    0x19800202,  // mqueue
});

}  // namespace

HiddenFilesystems::HiddenFilesystems() {
  Result<GoferAttributes> root = StatEntry(AT_FDCWD, "/");
  Result<GoferAttributes> devices = StatEntry(AT_FDCWD, "/dev");
  if (root.ok() && devices.ok() && devices->dev != root->dev) {
    dev_of_devices_ = devices->dev;
  }
}

HiddenFilesystems::Known HiddenFilesystems::Lookup(uint64_t dev) {
  std::lock_guard guard(lock_);
  auto it = hidden_.find(dev);
  if (it == hidden_.end()) {
    return Known::kUnknown;
  }
  return it->second ? Known::kHidden : Known::kVisible;
}

bool HiddenFilesystems::Hides(uint64_t dev, int fd) {
  if (Known known = Lookup(dev); known != Known::kUnknown) {
    return known == Known::kHidden;
  }
  Result<GoferStatFs> statfs = StatFsDescriptor(fd);
  bool hidden = !statfs.ok() || dev == dev_of_devices_ ||
                std::find(kKernelFilesystems.begin(), kKernelFilesystems.end(), statfs->type) !=
                    kKernelFilesystems.end();
  std::lock_guard guard(lock_);
  hidden_[dev] = hidden;
  return hidden;
}

}  // namespace ukrun::gofer
