// proc(5): what the kernel tells about processes and about the machine.
//
//   proc_root           the directory itself: processes by number, and everything else
//   system_table        one row for each file that is not about a process
//   task_table          one row for each name in /proc/PID and /proc/PID/task/TID
//   process_target      the process that a file is about, and who may look at it
//
// Nothing of the host shows through: texts are made from the sandbox's own state, and where
// Linux would name hardware, from what the processor tells any program.
#pragma once

#include "sentry/fs/pseudo/pseudo_directory.h"

namespace ukrun {

class ProcFileSystem final : public PseudoFileSystem {
 public:
  static Result<RefPtr<FileSystem>> Create();

  RefPtr<Inode> root() override;
  // Processes come and go.
  CacheNames cache_names() const override { return CacheNames::kNo; }
  // /proc/PID/net, the same for everybody.
  const RefPtr<PseudoDirectory>& net() const { return net_; }
  // Where the objects live that the links in /proc/PID/ns lead to.
  const RefPtr<PseudoFileSystem>& namespaces() const { return namespaces_; }

 private:
  ProcFileSystem();

  // Constant after construction.
  RefPtr<PseudoFileSystem> namespaces_;
  RefPtr<PseudoDirectory> net_;
  RefPtr<PseudoDirectory> root_;
};

}  // namespace ukrun
