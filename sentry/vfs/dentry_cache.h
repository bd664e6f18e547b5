// Which unused dentries stay in memory: the most recently used ones, positive and negative.
//
// A dentry lives while somebody refers to it; this cache is such a somebody, for up to
// kLimit dentries. Used by the VFS only.
#pragma once

#include <cstddef>

#include "sentry/vfs/path.h"

namespace ukrun {

class DentryCache {
 public:
  static constexpr size_t kLimit = 20'000;

  // Marks a dentry as used, and takes it in. May let others go.
  // Requires: no lock of rank kInode or above, as what is let go may be anything's last
  // reference. Directory locks may be held.
  static void Use(Dentry& dentry);
  // Lets it go: its name is gone.
  static void Forget(Dentry& dentry);
  // Lets everything go that belongs to `file_system` (unmount), or everything at all (null).
  static void ForgetAll(const FileSystem* file_system);

 private:
  static void LinkNewest(Dentry& dentry);
  static void Unlink(Dentry& dentry);
  static Dentry* TakeVictim();
};

}  // namespace ukrun
