// The mounts of the sandbox: which file system covers which directory, and how a walk goes
// from one to the other. There is one mount namespace.
//
// Internal to the VFS; its public face is in vfs.h. Synchronizes itself (rank kMountTable).
#pragma once

#include "sentry/vfs/path.h"

namespace ukrun {

// While something is mounted on `path`, goes to the root of what is mounted there.
// Returns whether it moved.
bool StepIntoMounts(Path& path);
// When `path` is the root of a mount (and not of the whole tree), goes to the mount point,
// through stacked mounts. Returns whether it moved.
bool StepOutOfMounts(Path& path);

}  // namespace ukrun
