// Names beside those of the host: files that a writable tree shows but the host must not get.
//
// A name that is hidden (ukrun/hidden_paths.conf) can be made inside all the same, as the
// guest cannot know that it is taken; what is made stays in memory. So do sockets, which
// would mean nothing on the host. Each directory of the host that has such names has a
// directory in a tmpfs for them, found by what identifies the host's directory; that it is
// opened, renamed or forgotten meanwhile changes nothing.
//
// Used by HostDirectory, which asks here first and the gofer then. Synchronizes itself.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "base/locked.h"
#include "sentry/fs/host/host_file_key.h"
#include "sentry/fs/overlay/changes.h"
#include "sentry/fs/tmpfs/tmpfs_directory.h"

namespace ukrun {

class MemoryNames {
 public:
  // Inodes show `device` as theirs. What is kept counts against `budget`; without one
  // nothing can be made here.
  MemoryNames(uint64_t device, MemoryBudget* budget);

  // The names in memory of a directory of the host; null when there are none.
  RefPtr<TmpfsDirectory> Find(const HostFileKey& directory) const;
  // The same, made when it is missing. `path` leads to the directory from the tree's root.
  // Errors: EACCES without a budget; ENOSPC.
  Result<RefPtr<TmpfsDirectory>> FindOrMake(const HostFileKey& directory, std::string path);
  // Whether the inode is one of those in memory.
  bool Holds(Inode& inode) const { return store_ && &inode.file_system() == store_.get(); }

  // The guest has removed, or moved, a directory of the host.
  void DirectoryRemoved(const HostFileKey& directory);
  void DirectoryMoved(std::string_view old_path, std::string_view new_path, RenameMode mode);

  // Everything in memory, at its path from the tree's root.
  Result<LayerChanges> CollectChanges() const;

 private:
  struct Place {
    RefPtr<TmpfsDirectory> names;
    std::string store_name;  // in the root of the store
    std::string path;
  };
  struct State {
    std::map<HostFileKey, Place> places;
    uint64_t next_number = 0;
  };

  // Constant after construction. Null without a budget. Its tree holds all directories.
  const RefPtr<TmpfsFileSystem> store_;
  // False until something was made: most trees never have anything here.
  std::atomic<bool> used_{false};
  Locked<State, LockRank::kFileObject> mutable state_;
};

}  // namespace ukrun
