// /dev: the nodes that programs expect (null(4), random(4), tty(4)), links into /proc, and
// the mount points of devpts and of shared memory.
//
// It is a tmpfs that starts with these names, as the devtmpfs of containers is; what stands
// behind the nodes is found by number (sentry/vfs/device_registry.h).
#pragma once

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class DevFileSystem {
 public:
  DevFileSystem() = delete;
  // Registers the devices, and makes the tree.
  static Result<RefPtr<FileSystem>> Create();
};

}  // namespace ukrun
