// The overlay: a tree below that is never written (the host's), and what the sandbox has
// changed above it, in memory.
//
// Every inode here stands for one file, wherever it is stored: it begins as a view of its
// lower inode, gets attributes of its own with the first change of them, and contents of its
// own with the first write. So numbers never change when a file is copied up, a rename is a
// change of names only (also of a directory that lies below), and reads see what was
// written through another open file.
//
// What is remembered: a directory holds on to the entries that differ from the tree below
// (overlay_directory.h), and everything on the way to them; the rest is forgotten with the
// dentry cache.
#pragma once

#include <atomic>
#include <map>

#include "base/locked.h"
#include "sentry/fs/overlay/lower_inode.h"
#include "sentry/fs/tmpfs/tmpfs_inode.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class OverlayDirectory;
class OverlayInode;

class OverlayFileSystem final : public FileSystem {
 public:
  // Requires: the inodes of `lower` derive from LowerInode, and its names stand still.
  // What is kept above counts against `budget`.
  static RefPtr<OverlayFileSystem> Create(RefPtr<FileSystem> lower, MemoryBudget& budget);
  ~OverlayFileSystem() override;

  std::string_view type_name() const override { return "overlay"; }
  RefPtr<Inode> root() override;
  Result<FileSystemStatistics> Statistics() override;

  // Entries that are new, modified or deleted, directories that only lead to such not among
  // them. Those made before ForgetChangesSoFar() don't count while they stay as they are.
  uint64_t ChangedFiles();
  void ForgetChangesSoFar();

  // --- For its inodes.
  uint64_t device() const { return device_; }
  TmpfsFileSystem& store() { return *store_; }
  OverlayDirectory& root_directory() { return *root_; }
  // The inode for what lies below as `name` in `parent` (null for the root).
  Result<RefPtr<OverlayInode>> Wrap(RefPtr<LowerInode> lower, OverlayDirectory* parent,
                                    std::string_view name);
  // An inode of the upper layer only. Its link count is 0.
  Result<RefPtr<OverlayInode>> NewUpper(const NewInode& what);
  // A lower file with several names was changed: all its names must find this inode.
  void KeepLinked(OverlayInode& inode);
  void ForgetLinked(const OverlayInode& inode);

 private:
  // Lower files with several names, by their number.
  struct Linked {
    std::map<uint64_t, OverlayInode*> known;  // they take themselves out
    std::map<uint64_t, RefPtr<OverlayInode>> changed;
  };

  OverlayFileSystem(RefPtr<FileSystem> lower, MemoryBudget& budget);

  // Constant after construction.
  const RefPtr<FileSystem> lower_;
  const RefPtr<TmpfsFileSystem> store_;
  const uint64_t device_;
  RefPtr<OverlayDirectory> root_;

  // Synchronize themselves.
  Locked<Linked, LockRank::kFileObject> linked_;
};

}  // namespace ukrun
