// /sys: as much of sysfs(5) as programs ask for that are not about hardware: how many CPUs
// there are and how they hang together, memory nodes, huge pages, the loopback device.
#pragma once

#include "sentry/fs/pseudo/pseudo_directory.h"

namespace ukrun {

class SysFileSystem final : public PseudoFileSystem {
 public:
  static Result<RefPtr<FileSystem>> Create();
  RefPtr<Inode> root() override;

 private:
  SysFileSystem();

  RefPtr<PseudoDirectory> root_;  // Constant after construction.
};

}  // namespace ukrun
