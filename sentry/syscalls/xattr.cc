#include "sentry/syscalls/xattr.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include "sentry/syscalls/path_arguments.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"

namespace ukrun {
namespace {

enum class Last : uint32_t { kFollow = 0, kNoFollow = AT_SYMLINK_NOFOLLOW };

Result<Path> Find(Task& task, UserString path, Last last) {
  return FindPath(task, Fd{kAtFdCwd}, path, static_cast<uint32_t>(last));
}

Result<std::string> LoadName(Task& task, UserString name) {
  std::string text = TRY(name.Load(task.memory(), XATTR_NAME_MAX + 1, ERANGE));
  return text.empty() ? Result<std::string>(Fail(ERANGE)) : std::move(text);
}

// The rules of xattr_permission(): each namespace has its own.
Result<void> CheckNamespace(Task& task, const Path& path, std::string_view name, int may) {
  const Credentials& credentials = task.credentials();
  bool writes = may == kMayWrite;
  if (writes && IsReadOnly(path)) {
    return Fail(EROFS);
  }
  if (name.starts_with("system.")) {
    return Ok();  // the file system decides
  }
  // A name that is nothing but its namespace is refused last, as on Linux by the file system.
  bool is_bare = name == "user." || name == "trusted." || name == "security.";
  Result<void> fits = is_bare ? Result<void>(Fail(EINVAL)) : Ok();
  if (name.starts_with("security.")) {
    bool allowed = credentials.Has(name == "security.capability" ? Capability::kSetfcap
                                                                 : Capability::kSysAdmin);
    return !writes || allowed ? fits : Result<void>(Fail(EPERM));
  }
  if (name.starts_with("trusted.")) {
    return credentials.Has(Capability::kSysAdmin) ? fits
                                                  : Result<void>(Fail(writes ? EPERM : ENODATA));
  }
  if (!name.starts_with("user.")) {
    TRY(CheckPermission(credentials, path, may));
    return Fail(EOPNOTSUPP);
  }
  RefPtr<Inode> inode = path.dentry->inode();
  Attributes attributes = TRY(inode->GetAttributes());
  if (!IsRegularMode(attributes.mode) && !IsDirectoryMode(attributes.mode)) {
    return Fail(writes ? EPERM : ENODATA);
  }
  bool sticky = IsDirectoryMode(attributes.mode) && (attributes.mode & S_ISVTX) != 0;
  if (writes && sticky && !IsOwner(credentials, attributes)) {
    return Fail(EPERM);
  }
  TRY(CheckPermission(credentials, path, may));
  return fits;
}

Result<void> Set(Task& task, const Path& path, UserString name, GuestAddr value, uint64_t size,
                 uint32_t flags) {
  if ((flags & ~uint32_t{XATTR_CREATE | XATTR_REPLACE}) != 0) {
    return Fail(EINVAL);
  }
  std::string key = TRY(LoadName(task, name));
  if (size > XATTR_SIZE_MAX) {
    return Fail(E2BIG);
  }
  std::string content(size, '\0');
  TRY(task.memory().Read(content.data(), value, size));
  TRY(CheckNamespace(task, path, key, kMayWrite));
  auto mode = (flags & XATTR_CREATE) != 0    ? XattrMode::kCreate
              : (flags & XATTR_REPLACE) != 0 ? XattrMode::kReplace
                                             : XattrMode::kSet;
  TRY(path.dentry->inode()->SetXattr(key, content, mode));
  NotifyAttributes(path);
  return Ok();
}

// Size 0 asks how much there is.
Result<size_t> StoreSized(Task& task, std::string_view content, GuestAddr buffer, uint64_t size) {
  if (size != 0) {
    if (content.size() > size) {
      return Fail(ERANGE);
    }
    TRY(task.memory().Write(buffer, content.data(), content.size()));
  }
  return content.size();
}

Result<size_t> Get(Task& task, const Path& path, UserString name, GuestAddr value, uint64_t size) {
  std::string key = TRY(LoadName(task, name));
  TRY(CheckNamespace(task, path, key, kMayRead));
  std::string content = TRY(path.dentry->inode()->GetXattr(key));
  return StoreSized(task, content, value, size);
}

Result<size_t> List(Task& task, const Path& path, GuestAddr list, uint64_t size) {
  auto names = TRY(path.dentry->inode()->ListXattrs());
  bool sees_trusted = task.credentials().Has(Capability::kSysAdmin);
  std::string content;
  for (const std::string& name : names) {
    if (sees_trusted || !name.starts_with("trusted.")) {
      content += name;
      content += '\0';
    }
  }
  if (content.size() > XATTR_LIST_MAX) {
    return Fail(E2BIG);
  }
  return StoreSized(task, content, list, size);
}

Result<void> Remove(Task& task, const Path& path, UserString name) {
  std::string key = TRY(LoadName(task, name));
  TRY(CheckNamespace(task, path, key, kMayWrite));
  TRY(path.dentry->inode()->RemoveXattr(key));
  NotifyAttributes(path);
  return Ok();
}

}  // namespace

Result<void> Setxattr(Task& task, UserString path, UserString name, GuestAddr value, uint64_t size,
                      uint32_t flags) {
  return Set(task, TRY(Find(task, path, Last::kFollow)), name, value, size, flags);
}

Result<void> Lsetxattr(Task& task, UserString path, UserString name, GuestAddr value, uint64_t size,
                       uint32_t flags) {
  return Set(task, TRY(Find(task, path, Last::kNoFollow)), name, value, size, flags);
}

Result<void> Fsetxattr(Task& task, Fd fd, UserString name, GuestAddr value, uint64_t size,
                       uint32_t flags) {
  return Set(task, TRY(PathOfFd(task, fd)), name, value, size, flags);
}

Result<size_t> Getxattr(Task& task, UserString path, UserString name, GuestAddr value,
                        uint64_t size) {
  return Get(task, TRY(Find(task, path, Last::kFollow)), name, value, size);
}

Result<size_t> Lgetxattr(Task& task, UserString path, UserString name, GuestAddr value,
                         uint64_t size) {
  return Get(task, TRY(Find(task, path, Last::kNoFollow)), name, value, size);
}

Result<size_t> Fgetxattr(Task& task, Fd fd, UserString name, GuestAddr value, uint64_t size) {
  return Get(task, TRY(PathOfFd(task, fd)), name, value, size);
}

Result<size_t> Listxattr(Task& task, UserString path, GuestAddr list, uint64_t size) {
  return List(task, TRY(Find(task, path, Last::kFollow)), list, size);
}

Result<size_t> Llistxattr(Task& task, UserString path, GuestAddr list, uint64_t size) {
  return List(task, TRY(Find(task, path, Last::kNoFollow)), list, size);
}

Result<size_t> Flistxattr(Task& task, Fd fd, GuestAddr list, uint64_t size) {
  return List(task, TRY(PathOfFd(task, fd)), list, size);
}

Result<void> Removexattr(Task& task, UserString path, UserString name) {
  return Remove(task, TRY(Find(task, path, Last::kFollow)), name);
}

Result<void> Lremovexattr(Task& task, UserString path, UserString name) {
  return Remove(task, TRY(Find(task, path, Last::kNoFollow)), name);
}

Result<void> Fremovexattr(Task& task, Fd fd, UserString name) {
  return Remove(task, TRY(PathOfFd(task, fd)), name);
}

}  // namespace ukrun
