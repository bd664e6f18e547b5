// /sys/fs/cgroup: the one control group of the sandbox, read-only, with its limits as
// cgroup v2 shows them. Runtimes size their heaps and thread pools by it.
#pragma once

#include "sentry/fs/pseudo/pseudo_directory.h"

namespace ukrun {

class CgroupFileSystem final : public PseudoFileSystem {
 public:
  static Result<RefPtr<FileSystem>> Create();
  RefPtr<Inode> root() override;

 private:
  CgroupFileSystem();

  RefPtr<PseudoDirectory> root_;  // Constant after construction.
};

}  // namespace ukrun
