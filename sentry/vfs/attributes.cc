// The rules of chmod(2), chown(2), utimensat(2) and truncate(2).
#include "sentry/vfs/attributes.h"

#include "sentry/task/task.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/size_limit.h"
#include "sentry/vfs/write_access.h"

namespace ukrun {
namespace {

Result<void> Apply(const Path& path, Inode& inode, const AttributeChange& change) {
  TRY(inode.SetAttributes(change));
  NotifyAttributes(path);
  return Ok();
}

}  // namespace

Result<void> ChangeMode(Task& task, const Path& path, uint32_t permissions) {
  if (IsReadOnly(path)) {
    return Fail(EROFS);
  }
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = path.dentry->inode();
  if (inode->type() == S_IFLNK) {
    return Fail(EOPNOTSUPP);
  }
  Attributes attributes = TRY(inode->GetAttributes());
  if (!IsOwner(credentials, attributes)) {
    return Fail(EPERM);
  }
  AttributeChange change;
  change.permissions = permissions & 07777;
  if (!InGroup(credentials, attributes.gid) && !credentials.Has(Capability::kFsetid)) {
    *change.permissions &= ~uint32_t{S_ISGID};
  }
  return Apply(path, *inode, change);
}

Result<void> ChangeOwner(Task& task, const Path& path, uint32_t uid, uint32_t gid) {
  constexpr uint32_t kUnchanged = UINT32_MAX;
  if (IsReadOnly(path)) {
    return Fail(EROFS);
  }
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = path.dentry->inode();
  Attributes attributes = TRY(inode->GetAttributes());
  bool own = attributes.uid == credentials.fsuid;
  if (!credentials.Has(Capability::kChown)) {
    bool uid_allowed = uid == kUnchanged || (own && uid == attributes.uid);
    bool gid_allowed =
        gid == kUnchanged || (own && (gid == attributes.gid || InGroup(credentials, gid)));
    if (!uid_allowed || !gid_allowed) {
      return Fail(EPERM);
    }
  }
  AttributeChange change;
  if (uid != kUnchanged) {
    change.uid = uid;
  }
  if (gid != kUnchanged) {
    change.gid = gid;
  }
  // As on Linux, even root's chown takes set-user-id away.
  if (!IsDirectoryMode(attributes.mode) && (attributes.mode & (S_ISUID | S_ISGID)) != 0) {
    change.permissions = WithoutSetIds(credentials, attributes);
  }
  return Apply(path, *inode, change);
}

Result<void> ChangeTimes(Task& task, const Path& path, TimeChange access, TimeChange modify) {
  using Kind = TimeChange::Kind;
  if (IsReadOnly(path)) {
    return Fail(EROFS);
  }
  const Credentials& credentials = task.credentials();
  RefPtr<Inode> inode = path.dentry->inode();
  Attributes attributes = TRY(inode->GetAttributes());
  if (!IsOwner(credentials, attributes)) {
    // Setting both to now is what a write would do; anything else is the owner's alone.
    if (access.kind != Kind::kNow || modify.kind != Kind::kNow) {
      return Fail(EPERM);
    }
    if (!Permits(credentials, attributes, kMayWrite)) {
      return Fail(EACCES);
    }
  }
  int64_t now = FileTimeNow();
  auto decide = [now](TimeChange wanted) -> std::optional<int64_t> {
    switch (wanted.kind) {
      case Kind::kOmit:
        return std::nullopt;
      case Kind::kNow:
        return now;
      case Kind::kSet:
        return wanted.time_ns;
    }
    return std::nullopt;
  };
  AttributeChange change;
  change.access_time_ns = decide(access);
  change.modify_time_ns = decide(modify);
  return Apply(path, *inode, change);
}

Result<void> TruncatePath(Task& task, const Path& path, int64_t size) {
  RefPtr<Inode> inode = path.dentry->inode();
  if (inode->type() != S_IFREG) {
    return Fail(inode->type() == S_IFDIR ? EISDIR : EINVAL);
  }
  const Credentials& credentials = task.credentials();
  TRY(CheckPermission(credentials, path, kMayWrite));
  Attributes attributes = TRY(inode->GetAttributes());
  auto new_size = static_cast<uint64_t>(size);
  TRY(CheckFileSizeLimit(task, attributes.size, new_size));
  TRY(GetWriteAccess(*inode));
  AttributeChange change;
  change.size = new_size;
  if (new_size != attributes.size) {
    change.modify_time_ns = FileTimeNow();
  }
  if ((attributes.mode & (S_ISUID | S_ISGID)) != 0 && !credentials.Has(Capability::kFsetid)) {
    change.permissions = WithoutSetIds(credentials, attributes);
  }
  Result<void> result = inode->SetAttributes(change);
  PutWriteAccess(*inode);
  if (result.ok()) {
    NotifyModified(path);
  }
  return result;
}

}  // namespace ukrun
