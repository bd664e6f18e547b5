#include "sentry/vfs/permissions.h"

#include <algorithm>

namespace ukrun {

bool InGroup(const Credentials& credentials, uint32_t group) {
  const std::vector<uint32_t>& groups = credentials.groups;
  return credentials.fsgid == group ||
         std::find(groups.begin(), groups.end(), group) != groups.end();
}

bool Permits(const Credentials& credentials, const Attributes& attributes, int may) {
  auto wanted = static_cast<uint32_t>(may) & 7;
  uint32_t granted = 0;
  if (attributes.uid == credentials.fsuid) {
    granted = attributes.mode >> 6;
  } else if (InGroup(credentials, attributes.gid)) {
    granted = attributes.mode >> 3;
  } else {
    granted = attributes.mode;
  }
  if ((wanted & ~granted) == 0) {
    return true;
  }
  bool directory = IsDirectoryMode(attributes.mode);
  bool executes = (wanted & static_cast<uint32_t>(kMayExecute)) != 0;
  bool writes = (wanted & static_cast<uint32_t>(kMayWrite)) != 0;
  if (credentials.Has(Capability::kDacReadSearch) && !writes && (directory || !executes)) {
    return true;
  }
  // Even root executes only what somebody may execute.
  return credentials.Has(Capability::kDacOverride) &&
         (directory || !executes || (attributes.mode & 0111) != 0);
}

bool IsReadOnly(const Path& path) { return path.mount && path.mount->flags().read_only; }

Result<void> CheckPermission(const Credentials& credentials, const Path& path, int may) {
  RefPtr<Inode> inode = path.dentry->inode();
  if (!inode) {
    return Fail(ENOENT);
  }
  if (may == 0) {
    return Ok();
  }
  Attributes attributes = TRY(inode->GetAttributes());
  if (!Permits(credentials, attributes, may)) {
    return Fail(EACCES);
  }
  // Devices, fifos and sockets on a read-only mount can be written to.
  uint32_t type = inode->type();
  bool stored = type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
  return (may & kMayWrite) != 0 && stored && IsReadOnly(path) ? Fail(EROFS) : Ok();
}

Result<void> CheckSearch(const Credentials& credentials, Inode& directory) {
  // Decided without the attributes, which may cost a round trip.
  if (credentials.Has(Capability::kDacOverride) || credentials.Has(Capability::kDacReadSearch)) {
    return Ok();
  }
  Attributes attributes = TRY(directory.GetAttributes());
  return Permits(credentials, attributes, kMayExecute) ? Ok() : Fail(EACCES);
}

bool IsOwner(const Credentials& credentials, const Attributes& attributes) {
  return attributes.uid == credentials.fsuid || credentials.Has(Capability::kFowner);
}

Result<void> CheckDirectoryChange(const Credentials& credentials, const Path& directory) {
  if (directory.dentry->unlinked()) {
    return Fail(ENOENT);
  }
  return CheckPermission(credentials, directory, kMayWrite | kMayExecute);
}

Result<void> CheckSticky(const Credentials& credentials, Inode& directory, Inode& victim) {
  Attributes parent = TRY(directory.GetAttributes());
  if ((parent.mode & S_ISVTX) == 0 || IsOwner(credentials, parent)) {
    return Ok();
  }
  return IsOwner(credentials, TRY(victim.GetAttributes())) ? Ok() : Fail(EPERM);
}

NewInode InheritGroup(const Credentials& credentials, const Attributes& directory, NewInode what) {
  what.uid = credentials.fsuid;
  what.gid = credentials.fsgid;
  if ((directory.mode & S_ISGID) == 0) {
    return what;
  }
  what.gid = directory.gid;
  if (IsDirectoryMode(what.mode)) {
    what.mode |= S_ISGID;
  } else if ((what.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
             !InGroup(credentials, what.gid) && !credentials.Has(Capability::kFsetid)) {
    what.mode &= ~uint32_t{S_ISGID};
  }
  return what;
}

uint32_t WithoutSetIds(const Credentials& credentials, const Attributes& attributes) {
  uint32_t permissions = attributes.mode & 07777 & ~uint32_t{S_ISUID};
  if ((permissions & S_ISGID) != 0 &&
      ((permissions & S_IXGRP) != 0 ||
       (!InGroup(credentials, attributes.gid) && !credentials.Has(Capability::kFsetid)))) {
    permissions &= ~uint32_t{S_ISGID};
  }
  return permissions;
}

}  // namespace ukrun
