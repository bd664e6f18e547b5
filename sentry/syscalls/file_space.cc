#include "sentry/syscalls/file_space.h"

#include <fcntl.h>
#include <linux/falloc.h>

#include "sentry/syscalls/path_arguments.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/size_limit.h"

namespace ukrun {
namespace {

constexpr int32_t kKnownModes = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
                                FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
                                FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;

uint32_t TypeOf(const File& file) {
  Inode* inode = file.inode();
  return inode == nullptr ? 0 : inode->type();
}

// The combinations that vfs_fallocate() lets through to file systems.
Result<void> CheckMode(int32_t mode) {
  if ((mode & ~kKnownModes) != 0) {
    return Fail(EOPNOTSUPP);
  }
  int32_t operation = mode & ~FALLOC_FL_KEEP_SIZE;
  bool keeps_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  switch (operation) {
    case 0:
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_UNSHARE_RANGE:
      return Ok();
    case FALLOC_FL_PUNCH_HOLE:
      return keeps_size ? Ok() : Result<void>(Fail(EOPNOTSUPP));
    case FALLOC_FL_COLLAPSE_RANGE:
    case FALLOC_FL_INSERT_RANGE:
      return keeps_size ? Fail(EOPNOTSUPP) : Ok();
    default:
      return Fail(EOPNOTSUPP);
  }
}

Result<void> SynchronizeFd(Task& task, Fd fd, Sync what) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  return file->Synchronize(what);
}

}  // namespace

Result<void> Truncate(Task& task, UserString path, int64_t size) {
  if (size < 0) {
    return Fail(EINVAL);
  }
  return TruncatePath(task, TRY(FindPath(task, Fd{kAtFdCwd}, path, 0)), size);
}

Result<void> Ftruncate(Task& task, Fd fd, int64_t size) {
  if (size < 0) {
    return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (!file->writable() || TypeOf(*file) != S_IFREG) {
    return Fail(EINVAL);
  }
  auto new_size = static_cast<uint64_t>(size);
  Attributes attributes = TRY(file->GetAttributes());
  TRY(CheckFileSizeLimit(task, attributes.size, new_size));
  TRY(file->Truncate(new_size));
  const Credentials& credentials = task.credentials();
  if ((attributes.mode & (S_ISUID | S_ISGID)) != 0 && !credentials.Has(Capability::kFsetid)) {
    AttributeChange change;
    change.permissions = WithoutSetIds(credentials, attributes);
    TRY(file->inode()->SetAttributes(change));
  }
  NotifyModified(file->path());
  return Ok();
}

Result<void> Fallocate(Task& task, Fd fd, int32_t mode, int64_t offset, int64_t length) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (offset < 0 || length <= 0) {
    return Fail(EINVAL);
  }
  TRY(CheckMode(mode));
  if (!file->writable()) {
    return Fail(EBADF);
  }
  switch (TypeOf(*file)) {
    case S_IFREG:
      break;
    case S_IFIFO:
      return Fail(ESPIPE);
    case S_IFDIR:
      return Fail(EISDIR);
    default:
      return Fail(ENODEV);
  }
  if (length > INT64_MAX - offset) {
    return Fail(EFBIG);
  }
  if ((mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_COLLAPSE_RANGE)) == 0) {
    uint64_t size = TRY(file->GetAttributes()).size;
    TRY(CheckFileSizeLimit(task, size, static_cast<uint64_t>(offset + length)));
  }
  TRY(file->Allocate(mode, offset, length));
  NotifyModified(file->path());
  return Ok();
}

Result<void> Fsync(Task& task, Fd fd) { return SynchronizeFd(task, fd, Sync::kAll); }
Result<void> Fdatasync(Task& task, Fd fd) { return SynchronizeFd(task, fd, Sync::kData); }

Result<void> SysSync(Task& task) {
  static_cast<void>(task);
  // As on Linux, errors of sync(2) show nowhere.
  for (const RefPtr<Mount>& mount : AllMounts()) {
    static_cast<void>(mount->file_system().Sync());
  }
  return Ok();
}

Result<void> Syncfs(Task& task, Fd fd) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  Inode* inode = file->inode();
  return inode == nullptr ? Ok() : inode->file_system().Sync();
}

Result<void> SyncFileRange(Task& task, Fd fd, int64_t offset, int64_t length, uint32_t flags) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  constexpr uint32_t kKnownFlags =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if ((flags & ~kKnownFlags) != 0 || offset < 0 || length < 0 || length > INT64_MAX - offset) {
    return Fail(EINVAL);
  }
  uint32_t type = TypeOf(*file);
  if (type != S_IFREG && type != S_IFBLK && type != S_IFDIR && type != S_IFLNK) {
    return Fail(ESPIPE);
  }
  return type == S_IFREG ? file->Synchronize(Sync::kData) : Ok();
}

Result<void> Readahead(Task& task, Fd fd, int64_t offset, uint64_t count) {
  static_cast<void>(offset);
  static_cast<void>(count);
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (!file->readable()) {
    return Fail(EBADF);
  }
  return TypeOf(*file) == S_IFREG ? Ok() : Result<void>(Fail(EINVAL));
}

Result<void> Fadvise64(Task& task, Fd fd, int64_t offset, int64_t length, int32_t advice) {
  static_cast<void>(offset);
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (TypeOf(*file) == S_IFIFO) {
    return Fail(ESPIPE);
  }
  bool known = advice >= POSIX_FADV_NORMAL && advice <= POSIX_FADV_NOREUSE;
  return known && length >= 0 ? Ok() : Result<void>(Fail(EINVAL));
}

}  // namespace ukrun
