#include "sentry/syscalls/names.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <algorithm>

#include "sentry/syscalls/path_arguments.h"

namespace ukrun {
namespace {

constexpr Fd kCwd{kAtFdCwd};

// mknod(2)'s device argument: the 32-bit encoding of Linux.
uint64_t DecodeDevice(uint32_t device) {
  uint32_t major = (device & 0xfff00u) >> 8;
  uint32_t minor = (device & 0xffu) | ((device >> 12) & 0xfff00u);
  return MakeDevice(major, minor);
}

}  // namespace

Result<void> Mkdir(Task& task, UserString path, uint32_t mode) {
  return Mkdirat(task, kCwd, path, mode);
}

Result<void> Mkdirat(Task& task, Fd start, UserString path, uint32_t mode) {
  std::string name = TRY(path.LoadPath(task.memory()));
  NewInode what;
  what.mode = S_IFDIR | (mode & (0777 | S_ISVTX));
  TRY(MakeNode(task, start, name, what));
  return Ok();
}

Result<void> Mknod(Task& task, UserString path, uint32_t mode, uint32_t device) {
  return Mknodat(task, kCwd, path, mode, device);
}

Result<void> Mknodat(Task& task, Fd start, UserString path, uint32_t mode, uint32_t device) {
  NewInode what;
  what.mode = mode & (S_IFMT | 07777);
  switch (mode & S_IFMT) {
    case 0:
      what.mode |= S_IFREG;
      break;
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    case S_IFCHR:
    case S_IFBLK:
      what.special_device = DecodeDevice(device);
      break;
    case S_IFDIR:
      return Fail(EPERM);
    default:
      return Fail(EINVAL);
  }
  std::string name = TRY(path.LoadPath(task.memory()));
  bool is_device = (what.mode & S_IFMT) == S_IFCHR || (what.mode & S_IFMT) == S_IFBLK;
  // The device 0:0 is a whiteout, which anybody may make.
  bool whiteout = (what.mode & S_IFMT) == S_IFCHR && what.special_device == 0;
  if (is_device && !whiteout && !task.credentials().Has(Capability::kMknod)) {
    // An existing name is reported first.
    LastComponent place = TRY(WalkToLast(task, start, name));
    if (place.special || Walk(task, start, name, {.follow_last = FollowLast::kNo}).ok()) {
      return Fail(EEXIST);
    }
    return Fail(EPERM);
  }
  TRY(MakeNode(task, start, name, what));
  return Ok();
}

Result<void> Symlink(Task& task, UserString target, UserString path) {
  return Symlinkat(task, target, kCwd, path);
}

Result<void> Symlinkat(Task& task, UserString target, Fd start, UserString path) {
  std::string points_to = TRY(target.LoadPath(task.memory()));
  std::string name = TRY(path.LoadPath(task.memory()));
  if (points_to.empty()) {
    return Fail(ENOENT);
  }
  NewInode what;
  what.mode = S_IFLNK | 0777;
  what.symlink_target = points_to;
  TRY(MakeNode(task, start, name, what));
  return Ok();
}

Result<void> Link(Task& task, UserString old_path, UserString new_path) {
  return Linkat(task, kCwd, old_path, kCwd, new_path, 0);
}

Result<void> Linkat(Task& task, Fd old_start, UserString old_path, Fd new_start,
                    UserString new_path, uint32_t flags) {
  if ((flags & ~uint32_t{AT_SYMLINK_FOLLOW | AT_EMPTY_PATH}) != 0) {
    return Fail(EINVAL);
  }
  Path target = TRY(FindPath(task, old_start, old_path, flags, FollowLast::kNo));
  std::string name = TRY(new_path.LoadPath(task.memory()));
  return LinkPath(task, target, new_start, name);
}

Result<size_t> Readlink(Task& task, UserString path, GuestAddr buffer, int32_t size) {
  return Readlinkat(task, kCwd, path, buffer, size);
}

Result<size_t> Readlinkat(Task& task, Fd start, UserString path, GuestAddr buffer, int32_t size) {
  if (size <= 0) {
    return Fail(EINVAL);
  }
  std::string name = TRY(path.LoadPath(task.memory()));
  // An empty name means a link that was opened with O_PATH and O_NOFOLLOW.
  Path found = TRY(Walk(task, start, name, {.follow_last = FollowLast::kNo, .allow_empty = true}));
  RefPtr<Inode> inode = found.dentry->inode();
  if (!inode || inode->type() != S_IFLNK) {
    return Fail(name.empty() ? ENOENT : EINVAL);
  }
  std::string target = TRY(inode->ReadLink());
  size_t stored = std::min(target.size(), static_cast<size_t>(size));
  TRY(task.memory().Write(buffer, target.data(), stored));
  return stored;
}

Result<void> Rmdir(Task& task, UserString path) { return Unlinkat(task, kCwd, path, AT_REMOVEDIR); }

Result<void> SysUnlink(Task& task, UserString path) { return Unlinkat(task, kCwd, path, 0); }

Result<void> Unlinkat(Task& task, Fd start, UserString path, uint32_t flags) {
  if ((flags & ~uint32_t{AT_REMOVEDIR}) != 0) {
    return Fail(EINVAL);
  }
  std::string name = TRY(path.LoadPath(task.memory()));
  return (flags & AT_REMOVEDIR) != 0 ? RemoveDirectory(task, start, name)
                                     : Unlink(task, start, name);
}

Result<void> SysRename(Task& task, UserString old_path, UserString new_path) {
  return Renameat2(task, kCwd, old_path, kCwd, new_path, 0);
}

Result<void> Renameat(Task& task, Fd old_start, UserString old_path, Fd new_start,
                      UserString new_path) {
  return Renameat2(task, old_start, old_path, new_start, new_path, 0);
}

Result<void> Renameat2(Task& task, Fd old_start, UserString old_path, Fd new_start,
                       UserString new_path, uint32_t flags) {
  // RENAME_WHITEOUT is for overlay file systems below; no file system here has it.
  constexpr uint32_t kBoth = RENAME_NOREPLACE | RENAME_EXCHANGE;
  if ((flags & ~kBoth) != 0 || flags == kBoth) {
    return Fail(EINVAL);
  }
  std::string from = TRY(old_path.LoadPath(task.memory()));
  std::string to = TRY(new_path.LoadPath(task.memory()));
  auto mode = flags == RENAME_NOREPLACE  ? RenameMode::kNoReplace
              : flags == RENAME_EXCHANGE ? RenameMode::kExchange
                                         : RenameMode::kReplace;
  return Rename(task, old_start, from, new_start, to, mode);
}

}  // namespace ukrun
