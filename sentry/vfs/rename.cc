// rename(2): moving a name, replacing another, exchanging two.
#include <optional>

#include "base/mutex.h"
#include "sentry/task/task.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/walker.h"

namespace ukrun {
namespace {

// Held over renames between directories, so that the tree above both stays as it is while
// one is checked not to lie below the other (Linux's s_vfs_rename_mutex).
constinit Mutex rename_lock(LockRank::kRenameTree);

bool IsDirectory(const Dentry& dentry) { return dentry.inode()->type() == S_IFDIR; }

bool IsSelfOrAncestor(const Dentry& ancestor, const RefPtr<Dentry>& of) {
  for (RefPtr<Dentry> at = of; at; at = at->parent()) {
    if (at == &ancestor) {
      return true;
    }
  }
  return false;
}

struct Renaming {
  Task& task;
  const LastComponent& from;
  const LastComponent& to;
  RenameMode mode;
  RefPtr<Dentry> moved;
  RefPtr<Dentry> target;  // may be negative

  bool exchanges() const { return mode == RenameMode::kExchange; }
  bool across() const { return !(from.directory.dentry == to.directory.dentry); }
};

// The rules of do_renameat2(), before permissions.
Result<void> CheckNames(const Renaming& r) {
  if (!r.moved->inode()) {
    return Fail(ENOENT);
  }
  bool exists = static_cast<bool>(r.target->inode());
  if (exists && r.mode == RenameMode::kNoReplace) {
    return Fail(EEXIST);
  }
  if (r.exchanges()) {
    if (!exists) {
      return Fail(ENOENT);
    }
    if (!IsDirectory(*r.target) && r.to.trailing_slash) {
      return Fail(ENOTDIR);
    }
  }
  if (!IsDirectory(*r.moved) &&
      (r.from.trailing_slash || (!r.exchanges() && r.to.trailing_slash))) {
    return Fail(ENOTDIR);
  }
  if (IsSelfOrAncestor(*r.moved, r.to.directory.dentry)) {
    return Fail(EINVAL);
  }
  if (exists && IsSelfOrAncestor(*r.target, r.from.directory.dentry)) {
    return Fail(r.exchanges() ? EINVAL : ENOTEMPTY);
  }
  return Ok();
}

// May `dentry` leave `directory`, for something that is a directory or not?
Result<void> CheckRemoval(const Credentials& credentials, const Path& directory,
                          const Dentry& dentry, bool for_directory) {
  RefPtr<Inode> inode = dentry.inode();
  TRY(CheckDirectoryChange(credentials, directory));
  TRY(CheckSticky(credentials, *directory.dentry->inode(), *inode));
  if (for_directory != (inode->type() == S_IFDIR)) {
    return Fail(for_directory ? ENOTDIR : EISDIR);
  }
  return Ok();
}

Result<void> CheckPermissions(const Renaming& r) {
  const Credentials& credentials = r.task.credentials();
  bool moves_directory = IsDirectory(*r.moved);
  TRY(CheckRemoval(credentials, r.from.directory, *r.moved, moves_directory));
  bool exists = static_cast<bool>(r.target->inode());
  if (exists) {
    bool for_directory = r.exchanges() ? IsDirectory(*r.target) : moves_directory;
    TRY(CheckRemoval(credentials, r.to.directory, *r.target, for_directory));
  } else {
    TRY(CheckDirectoryChange(credentials, r.to.directory));
  }
  // The ".." of a directory that goes elsewhere is written.
  if (r.across()) {
    const RefPtr<Mount>& mount = r.from.directory.mount;
    if (moves_directory) {
      TRY(CheckPermission(credentials, Path{mount, r.moved}, kMayWrite));
    }
    if (r.exchanges() && IsDirectory(*r.target)) {
      TRY(CheckPermission(credentials, Path{mount, r.target}, kMayWrite));
    }
  }
  return r.moved->has_mounts() || r.target->has_mounts() ? Fail(EBUSY) : Result<void>();
}

// The change itself, on the file system and then in the cache.
Result<void> Carry(const Renaming& r) {
  Dentry& old_directory = *r.from.directory.dentry;
  Dentry& new_directory = *r.to.directory.dentry;
  RefPtr<Inode> moved = r.moved->inode();
  RefPtr<Inode> replaced = r.target->inode();
  RefPtr<Inode> new_parent = new_directory.inode();
  // One mount may show directories of two: those of the host, and some in memory.
  if (&old_directory.inode()->file_system() != &new_parent->file_system()) {
    return Fail(EXDEV);
  }
  TRY(old_directory.inode()->Rename(r.from.name, *moved, *new_parent, r.to.name, replaced.get(),
                                    r.mode));
  if (r.exchanges()) {
    Dentry::Exchange(*r.moved, *r.target);
    return Ok();
  }
  new_directory.Detach(*r.target);
  Dentry::Move(*r.moved, new_directory, r.to.name);
  if (new_parent->file_system().cache_names() == CacheNames::kYes) {
    DentryCache::Use(*old_directory.Insert(r.from.name, nullptr));
  }
  return Ok();
}

void Announce(const Renaming& r, const RefPtr<Inode>& replaced) {
  if (!AnyWatches()) {
    return;
  }
  RefPtr<Inode> moved = r.moved->inode();
  NotifyMoved(r.from.directory, r.from.name, r.to.directory, r.to.name, *moved);
  if (r.exchanges()) {
    NotifyMoved(r.to.directory, r.to.name, r.from.directory, r.from.name, *replaced);
  } else if (replaced) {
    NotifyLinkCount(*replaced);
    NotifyIfGone(*replaced);
  }
}

// Returns false when there was nothing to do: both names are links to one file.
Result<bool> RenameLocked(Renaming& r) {
  r.moved = TRY(LookupChildLocked(*r.from.directory.dentry, r.from.name));
  r.target = TRY(LookupChildLocked(*r.to.directory.dentry, r.to.name));
  TRY(CheckNames(r));
  if (r.moved->inode() == r.target->inode()) {
    return false;
  }
  TRY(CheckPermissions(r));
  TRY(Carry(r));
  return true;
}

}  // namespace

Result<void> Rename(Task& task, Fd old_start, std::string_view old_path, Fd new_start,
                    std::string_view new_path, RenameMode mode) {
  LastComponent from = TRY(WalkToLast(task, old_start, old_path));
  LastComponent to = TRY(WalkToLast(task, new_start, new_path));
  if (!(from.directory.mount == to.directory.mount)) {
    return Fail(EXDEV);
  }
  if (from.special) {
    return Fail(EBUSY);
  }
  if (to.special) {
    return Fail(mode == RenameMode::kNoReplace ? EEXIST : EBUSY);
  }
  if (IsReadOnly(from.directory)) {
    return Fail(EROFS);
  }
  Renaming renaming{task, from, to, mode, nullptr, nullptr};
  bool done = false;
  RefPtr<Inode> replaced;
  {
    std::optional<MutexGuard> tree;
    if (renaming.across()) {
      tree.emplace(rename_lock);
    }
    LockInOrder both(from.directory.dentry->directory_lock(),
                     to.directory.dentry->directory_lock());
    done = TRY(RenameLocked(renaming));
    replaced = renaming.target->inode();
  }
  if (done) {
    Announce(renaming, replaced);
  }
  return Ok();
}

}  // namespace ukrun
