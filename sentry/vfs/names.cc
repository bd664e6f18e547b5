// The operations that make, remove and move names.
#include "sentry/task/task.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/walker.h"

namespace ukrun {
namespace {

enum class Victim : uint8_t { kDirectory, kOther };

bool IsDirectory(const Inode& inode) { return inode.type() == S_IFDIR; }

// May `dentry` be taken out of `directory`? As Linux's may_delete().
Result<void> CheckRemoval(const Credentials& credentials, const Path& directory,
                          const Dentry& dentry, Victim victim) {
  RefPtr<Inode> inode = dentry.inode();
  TRY(CheckDirectoryChange(credentials, directory));
  TRY(CheckSticky(credentials, *directory.dentry->inode(), *inode));
  if (victim == Victim::kDirectory && !IsDirectory(*inode)) {
    return Fail(ENOTDIR);
  }
  if (victim == Victim::kOther && IsDirectory(*inode)) {
    return Fail(EISDIR);
  }
  return Ok();
}

// The name is gone: its dentry lives on without it, and the cache knows that it is free.
void NameGone(Dentry& directory, Dentry& child, std::string_view name) {
  directory.Detach(child);
  if (directory.inode()->file_system().cache_names() == CacheNames::kYes) {
    DentryCache::Use(*directory.Insert(name, nullptr));
  }
}

void AnnounceRemoval(const Path& directory, std::string_view name, const Path& victim) {
  if (AnyWatches()) {
    RefPtr<Inode> inode = victim.dentry->inode();
    if (!IsDirectory(*inode)) {
      NotifyLinkCount(*inode);
    }
    NotifyIfGone(*inode);
    NotifyDeleted(directory, name, *inode);
  }
}

// Of two lookups of one name: did both find the same file? A file system like proc, whose names
// are not cached, has a new dentry and inode for every lookup; there the numbers tell.
Result<bool> NamesSameFile(const Dentry& now, const Dentry& before) {
  RefPtr<Inode> inode = now.inode();
  RefPtr<Inode> other = before.inode();
  if (&now == &before || !inode || !other) {
    return &now == &before;
  }
  if (inode->file_system().cache_names() == CacheNames::kYes) {
    return false;
  }
  return TRY(inode->GetAttributes()).inode_number == TRY(other->GetAttributes()).inode_number;
}

// The negative dentry for a new name. Errors: EEXIST.
Result<RefPtr<Dentry>> LookupNewNameLocked(const LastComponent& place, bool directory_wanted) {
  RefPtr<Dentry> dentry = TRY(LookupChildLocked(*place.directory.dentry, place.name));
  if (dentry->inode()) {
    return Fail(EEXIST);
  }
  // Only a directory may be made with a slash behind its name.
  if (place.trailing_slash && !directory_wanted) {
    return Fail(ENOENT);
  }
  return dentry;
}

Result<LastComponent> WalkToNewName(Task& task, Fd start, std::string_view path) {
  LastComponent place = TRY(WalkToLast(task, start, path));
  if (place.special) {
    return Fail(EEXIST);
  }
  return place;
}

}  // namespace

Result<Path> MakeNode(Task& task, Fd start, std::string_view path, const NewInode& what) {
  LastComponent place = TRY(WalkToNewName(task, start, path));
  RefPtr<Dentry> dentry;
  {
    Dentry& directory = *place.directory.dentry;
    MutexGuard guard(directory.directory_lock());
    dentry = TRY(LookupNewNameLocked(place, IsDirectoryMode(what.mode)));
    const Credentials& credentials = task.credentials();
    TRY(CheckDirectoryChange(credentials, place.directory));
    RefPtr<Inode> parent = directory.inode();
    NewInode with_umask = what;
    if (!IsSymlinkMode(what.mode)) {
      with_umask.mode &= ~task.fs().umask();
    }
    NewInode inherited = InheritGroup(credentials, TRY(parent->GetAttributes()), with_umask);
    dentry->Instantiate(TRY(parent->Make(place.name, inherited)));
  }
  NotifyCreated(place.directory, place.name, *dentry->inode());
  return Path{place.directory.mount, dentry};
}

Result<void> LinkPath(Task& task, const Path& target, Fd start, std::string_view path) {
  LastComponent place = TRY(WalkToNewName(task, start, path));
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = target.dentry->inode();
  {
    Dentry& directory = *place.directory.dentry;
    MutexGuard guard(directory.directory_lock());
    RefPtr<Dentry> dentry = TRY(LookupNewNameLocked(place, false));
    if (!(target.mount == place.directory.mount)) {
      return Fail(EXDEV);
    }
    Attributes attributes = TRY(inode->GetAttributes());
    // As with fs.protected_hardlinks: a link must not keep somebody else's file alive.
    bool safe = IsRegularMode(attributes.mode) && (attributes.mode & S_ISUID) == 0 &&
                (attributes.mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) &&
                Permits(credentials, attributes, kMayRead | kMayWrite);
    if (!safe && !IsOwner(credentials, attributes)) {
      return Fail(EPERM);
    }
    TRY(CheckDirectoryChange(credentials, place.directory));
    if (IsDirectory(*inode)) {
      return Fail(EPERM);
    }
    if (attributes.link_count == 0 && !target.dentry->linkable()) {
      return Fail(ENOENT);
    }
    TRY(directory.inode()->Link(place.name, *inode));
    dentry->Instantiate(inode);
  }
  NotifyLinkCount(*inode);
  NotifyCreated(place.directory, place.name, *inode);
  return Ok();
}

Result<void> Unlink(Task& task, Fd start, std::string_view path) {
  LastComponent place = TRY(WalkToLast(task, start, path));
  if (place.special) {
    return Fail(EISDIR);
  }
  if (IsReadOnly(place.directory)) {
    return Fail(EROFS);
  }
  Dentry& directory = *place.directory.dentry;
  RefPtr<Dentry> victim;
  {
    MutexGuard guard(directory.directory_lock());
    victim = TRY(LookupChildLocked(directory, place.name));
    RefPtr<Inode> inode = victim->inode();
    if (!inode) {
      return Fail(ENOENT);
    }
    if (place.trailing_slash) {
      return Fail(IsDirectory(*inode) ? EISDIR : ENOTDIR);
    }
    TRY(CheckRemoval(task.credentials(), place.directory, *victim, Victim::kOther));
    if (victim->has_mounts()) {
      return Fail(EBUSY);
    }
    TRY(directory.inode()->Remove(place.name, *inode));
    NameGone(directory, *victim, place.name);
  }
  AnnounceRemoval(place.directory, place.name, Path{place.directory.mount, victim});
  return Ok();
}

Result<void> RemoveDirectory(Task& task, Fd start, std::string_view path) {
  LastComponent place = TRY(WalkToLast(task, start, path));
  if (place.special) {
    return Fail(place.name == ".." ? ENOTEMPTY : place.name == "." ? EINVAL : EBUSY);
  }
  if (IsReadOnly(place.directory)) {
    return Fail(EROFS);
  }
  Dentry& directory = *place.directory.dentry;
  for (;;) {
    RefPtr<Dentry> victim = TRY(LookupChild(directory, place.name));
    RefPtr<Inode> inode = victim->inode();
    if (!inode) {
      return Fail(ENOENT);
    }
    {
      // The victim's own lock keeps names from being made in it meanwhile.
      LockInOrder both(directory.directory_lock(), victim->directory_lock());
      RefPtr<Dentry> now = TRY(LookupChildLocked(directory, place.name));
      if (!TRY(NamesSameFile(*now, *victim))) {
        continue;
      }
      TRY(CheckRemoval(task.credentials(), place.directory, *victim, Victim::kDirectory));
      if (victim->has_mounts()) {
        return Fail(EBUSY);
      }
      TRY(directory.inode()->Remove(place.name, *inode));
      NameGone(directory, *victim, place.name);
    }
    AnnounceRemoval(place.directory, place.name, Path{place.directory.mount, victim});
    return Ok();
  }
}

}  // namespace ukrun
