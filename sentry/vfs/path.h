// Names: dentries (the cached tree of names), mounts, and paths (a dentry in a mount).
//
// A dentry is positive (has an inode) or negative (known not to exist). The tree is only
// a cache: unused dentries may be dropped at any time, except that a dentry's parents live
// as long as it does.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class Dentry : public RefCounted<Dentry> {
 public:
  static RefPtr<Dentry> CreateRoot(RefPtr<Inode> inode);
  // A dentry with no place in a tree: pipes, sockets, memfds ("pipe:[7]").
  static RefPtr<Dentry> CreateDetached(std::string name, RefPtr<Inode> inode);
  // A dentry below `parent` without a name there (O_TMPFILE); linkat(2) may give it one.
  static RefPtr<Dentry> CreateUnnamed(Dentry& parent, std::string name, RefPtr<Inode> inode,
                                      bool linkable);
  ~Dentry() = default;
  // Lets a chain of parents that nobody else holds die without recursion.
  void Unref() const;

  // Null when negative. Changes once, from null, under the parent's directory lock.
  RefPtr<Inode> inode() const;
  RefPtr<Dentry> parent() const;
  std::string name() const;
  // Both at the same moment.
  std::pair<RefPtr<Dentry>, std::string> ParentAndName() const;
  // True once its name has been removed (unlink, rmdir, rename over it).
  bool unlinked() const { return unlinked_.load(std::memory_order_acquire); }
  bool detached() const { return detached_; }
  bool linkable() const { return linkable_; }
  // Serializes changes and cache misses of this directory.
  Mutex& directory_lock() { return directory_lock_; }

  bool has_mounts() const { return mounts_here_.load(std::memory_order_acquire) != 0; }
  void AddMountHere(int delta) { mounts_here_.fetch_add(delta); }

  // --- The cache. Require: directory_lock() held, except Find.
  // Null when the name is not cached.
  RefPtr<Dentry> Find(std::string_view name) const;
  // `inode` null makes a negative entry. Replaces what was cached.
  RefPtr<Dentry> Insert(std::string_view name, RefPtr<Inode> inode);
  void Instantiate(RefPtr<Inode> inode);
  // After unlink or rmdir: the dentry lives on for those who hold it, without a name.
  void Detach(Dentry& child);
  // After a rename on the file system. Requires both directory locks and the rename lock.
  static void Move(Dentry& child, Dentry& new_parent, std::string_view new_name);
  static void Exchange(Dentry& a, Dentry& b);

 private:
  friend class DentryCache;
  enum class Kind : uint8_t { kOrdinary, kDetached, kUnnamed, kLinkable };
  Dentry(std::string name, RefPtr<Dentry> parent, RefPtr<Inode> inode, Kind kind);
  // Leaves the parent's map, and hands out the reference to it.
  RefPtr<Dentry> LeaveParent();
  void Drop(std::string_view name, const Dentry& child);

  struct State {
    std::string name;
    RefPtr<Dentry> parent;
    RefPtr<Inode> inode;
    // Children do not own their place here: they take themselves out when they die. The
    // cache (DentryCache) holds references to keep recently used ones.
    std::map<std::string, Dentry*, std::less<>> children;
  };

  mutable Locked<State, LockRank::kDentryCache> state_;
  Mutex directory_lock_{LockRank::kDirectory};
  std::atomic<bool> unlinked_;
  const bool detached_;
  const bool linkable_;
  std::atomic<int> mounts_here_{0};

  // The cache's (dentry_cache.h); the links are guarded by its lock.
  std::atomic<bool> cached_{false};
  std::atomic<bool> recently_used_{false};
  Dentry* newer_ = nullptr;
  Dentry* older_ = nullptr;
};

struct MountFlags {
  bool read_only = false;
  bool no_exec = false;
  bool no_suid = false;
  bool no_dev = false;
};

// One file system (or part of one) attached to the tree.
class Mount : public RefCounted<Mount> {
 public:
  Mount(RefPtr<FileSystem> file_system, RefPtr<Dentry> root, MountFlags flags, uint64_t id,
        std::string source)
      : file_system_(std::move(file_system)),
        root_(std::move(root)),
        flags_(flags),
        id_(id),
        source_(std::move(source)) {}

  FileSystem& file_system() const { return *file_system_; }
  const RefPtr<Dentry>& root() const { return root_; }
  const MountFlags& flags() const { return flags_; }
  uint64_t id() const { return id_; }
  const std::string& source() const { return source_; }

  // Where it is mounted; null parent for the root mount. Set by MountTable under its lock.
  RefPtr<Mount> parent;
  RefPtr<Dentry> mount_point;

 private:
  const RefPtr<FileSystem> file_system_;
  const RefPtr<Dentry> root_;
  const MountFlags flags_;
  const uint64_t id_;
  const std::string source_;
};

struct Path {
  RefPtr<Mount> mount;
  RefPtr<Dentry> dentry;

  explicit operator bool() const { return static_cast<bool>(dentry); }
  friend bool operator==(const Path& a, const Path& b) {
    return a.mount == b.mount && a.dentry == b.dentry;
  }
};

}  // namespace ukrun
