#include "sentry/syscalls/stat.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/statvfs.h>

#include "sentry/syscalls/path_arguments.h"

namespace ukrun {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr uint32_t kSyncFlags = AT_STATX_SYNC_TYPE;
constexpr uint32_t kStatFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | kSyncFlags;
// statfs(2)'s own flag bits.
constexpr int64_t kStatfsValid = 0x20;
constexpr int64_t kPipeFsMagic = 0x50495045;

// Times before 1970 round towards the past, with nanoseconds that count up.
struct SplitTime {
  explicit SplitTime(int64_t ns) : seconds(ns / kNsPerSecond), nanoseconds(ns % kNsPerSecond) {
    if (nanoseconds < 0) {
      --seconds;
      nanoseconds += kNsPerSecond;
    }
  }
  int64_t seconds;
  int64_t nanoseconds;
};

abi::Stat ToStat(const Attributes& from) {
  SplitTime access(from.access_time_ns);
  SplitTime modify(from.modify_time_ns);
  SplitTime change(from.change_time_ns);
  abi::Stat to{};
  to.device = from.device;
  to.inode = from.inode_number;
  to.link_count = from.link_count;
  to.mode = from.mode;
  to.uid = from.uid;
  to.gid = from.gid;
  to.special_device = from.special_device;
  to.size = static_cast<int64_t>(from.size);
  to.block_size = from.block_size;
  to.blocks = static_cast<int64_t>(from.blocks);
  to.access_seconds = access.seconds;
  to.access_nanoseconds = access.nanoseconds;
  to.modify_seconds = modify.seconds;
  to.modify_nanoseconds = modify.nanoseconds;
  to.change_seconds = change.seconds;
  to.change_nanoseconds = change.nanoseconds;
  return to;
}

abi::StatxTime ToStatxTime(int64_t ns) {
  SplitTime time(ns);
  return abi::StatxTime{time.seconds, static_cast<uint32_t>(time.nanoseconds), 0};
}

abi::Statx ToStatx(const Attributes& from, const Path& path) {
  abi::Statx to{};
  to.mask = STATX_BASIC_STATS | STATX_BTIME | (path.mount ? STATX_MNT_ID : 0u);
  to.block_size = from.block_size;
  to.link_count = from.link_count;
  to.uid = from.uid;
  to.gid = from.gid;
  to.mode = static_cast<uint16_t>(from.mode);
  to.inode = from.inode_number;
  to.size = from.size;
  to.blocks = from.blocks;
  to.access_time = ToStatxTime(from.access_time_ns);
  to.birth_time = ToStatxTime(from.birth_time_ns);
  to.change_time = ToStatxTime(from.change_time_ns);
  to.modify_time = ToStatxTime(from.modify_time_ns);
  to.special_major = DeviceMajor(from.special_device);
  to.special_minor = DeviceMinor(from.special_device);
  to.device_major = DeviceMajor(from.device);
  to.device_minor = DeviceMinor(from.device);
  to.attributes_mask = STATX_ATTR_MOUNT_ROOT;
  if (path.mount) {
    to.mount_id = path.mount->id();
    if (path.mount->root() == path.dentry) {
      to.attributes |= STATX_ATTR_MOUNT_ROOT;
    }
  }
  return to;
}

struct Found {
  Attributes attributes;
  Path path;
};

// The object of a stat call. A descriptor is asked itself: pipes and sockets know best.
Result<Found> FindAttributes(Task& task, Fd start, UserString path, uint32_t flags) {
  bool allow_empty = (flags & AT_EMPTY_PATH) != 0;
  if (allow_empty && start.value != kAtFdCwd) {
    // A null path means the same, since Linux 6.11.
    std::string name = path.is_null() ? std::string() : TRY(path.LoadPath(task.memory()));
    if (name.empty()) {
      RefPtr<File> file = TRY(task.GetFileOrPath(start));
      return Found{TRY(file->GetAttributes()), file->path()};
    }
  }
  Path found = TRY(FindPath(task, start, path, flags));
  return Found{TRY(found.dentry->inode()->GetAttributes()), found};
}

Result<void> StoreStat(Task& task, Fd start, UserString path, uint32_t flags,
                       UserOut<abi::Stat> out) {
  Found found = TRY(FindAttributes(task, start, path, flags));
  return out.Store(task.memory(), ToStat(found.attributes));
}

// access(2) asks for the real user: the task takes on its real ids for the walk too.
class RealIds {
 public:
  explicit RealIds(Task& task) : task_(task), before_(task.SharedCredentials()) {
    RefPtr<Credentials> real = before_->Copy();
    real->fsuid = real->uid;
    real->fsgid = real->gid;
    constexpr uint32_t kNoSetuidFixup = 1u << 2;  // SECBIT_NO_SETUID_FIXUP
    if ((real->secure_bits & kNoSetuidFixup) == 0) {
      real->effective = real->uid == 0 ? real->permitted : 0;
    }
    task_.set_credentials(std::move(real));
  }
  ~RealIds() { task_.set_credentials(before_); }
  RealIds(const RealIds&) = delete;
  RealIds& operator=(const RealIds&) = delete;

  static bool Matter(const Credentials& now) {
    return now.fsuid != now.uid || now.fsgid != now.gid ||
           now.effective != (now.uid == 0 ? now.permitted : 0);
  }

 private:
  Task& task_;
  const RefPtr<const Credentials> before_;
};

Result<void> CheckAccess(Task& task, Fd start, UserString path, uint32_t mode, uint32_t flags) {
  Path found = TRY(FindPath(task, start, path, flags));
  auto may = static_cast<int>(mode);
  bool runs_nothing = found.mount && found.mount->flags().no_exec;
  if ((may & kMayExecute) != 0 && runs_nothing && found.dentry->inode()->type() == S_IFREG) {
    return Fail(EACCES);
  }
  return CheckPermission(task.credentials(), found, may);
}

Result<void> StoreStatfs(Task& task, const Path& path, UserOut<abi::Statfs> out) {
  abi::Statfs to{};
  FileSystemStatistics from;
  RefPtr<Inode> inode = path.dentry ? path.dentry->inode() : nullptr;
  if (inode) {
    from = TRY(inode->file_system().Statistics());
    uint64_t device = TRY(inode->GetAttributes()).device;
    to.file_system_id[0] = static_cast<int32_t>(device);
    to.file_system_id[1] = static_cast<int32_t>(device >> 32);
  } else {
    from.type = kPipeFsMagic;
  }
  to.type = from.type;
  to.block_size = static_cast<int64_t>(from.block_size);
  to.blocks = from.blocks;
  to.blocks_free = from.blocks_free;
  to.blocks_available = from.blocks_available;
  to.files = from.files;
  to.files_free = from.files_free;
  to.name_length = static_cast<int64_t>(from.name_limit);
  to.fragment_size = to.block_size;
  to.flags = static_cast<int64_t>(from.flags) | kStatfsValid;
  if (path.mount) {
    const MountFlags& mount = path.mount->flags();
    to.flags |= (mount.read_only ? ST_RDONLY : 0) | (mount.no_exec ? ST_NOEXEC : 0) |
                (mount.no_suid ? ST_NOSUID : 0) | (mount.no_dev ? ST_NODEV : 0);
  }
  return out.Store(task.memory(), to);
}

}  // namespace

Result<void> Stat(Task& task, UserString path, UserOut<abi::Stat> out) {
  return StoreStat(task, Fd{kAtFdCwd}, path, 0, out);
}

Result<void> Lstat(Task& task, UserString path, UserOut<abi::Stat> out) {
  return StoreStat(task, Fd{kAtFdCwd}, path, AT_SYMLINK_NOFOLLOW, out);
}

Result<void> Fstat(Task& task, Fd fd, UserOut<abi::Stat> out) {
  RefPtr<File> file = TRY(task.GetFileOrPath(fd));
  Attributes attributes = TRY(file->GetAttributes());
  return out.Store(task.memory(), ToStat(attributes));
}

Result<void> Newfstatat(Task& task, Fd start, UserString path, UserOut<abi::Stat> out,
                        uint32_t flags) {
  if ((flags & ~kStatFlags) != 0) {
    return Fail(EINVAL);
  }
  return StoreStat(task, start, path, flags, out);
}

Result<void> Statx(Task& task, Fd start, UserString path, uint32_t flags, uint32_t mask,
                   UserOut<abi::Statx> out) {
  if ((flags & ~kStatFlags) != 0 || (flags & kSyncFlags) == kSyncFlags ||
      (mask & STATX__RESERVED) != 0) {
    return Fail(EINVAL);
  }
  Found found = TRY(FindAttributes(task, start, path, flags));
  return out.Store(task.memory(), ToStatx(found.attributes, found.path));
}

Result<void> SysAccess(Task& task, UserString path, uint32_t mode) {
  return Faccessat2(task, Fd{kAtFdCwd}, path, mode, 0);
}

Result<void> Faccessat(Task& task, Fd start, UserString path, uint32_t mode) {
  return Faccessat2(task, start, path, mode, 0);
}

Result<void> Faccessat2(Task& task, Fd start, UserString path, uint32_t mode, uint32_t flags) {
  constexpr uint32_t kKnownFlags = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  if ((mode & ~7u) != 0 || (flags & ~kKnownFlags) != 0) {
    return Fail(EINVAL);
  }
  if ((flags & AT_EACCESS) == 0 && RealIds::Matter(task.credentials())) {
    RealIds real(task);
    return CheckAccess(task, start, path, mode, flags);
  }
  return CheckAccess(task, start, path, mode, flags);
}

Result<void> Statfs(Task& task, UserString path, UserOut<abi::Statfs> out) {
  return StoreStatfs(task, TRY(FindPath(task, Fd{kAtFdCwd}, path, 0)), out);
}

Result<void> Fstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out) {
  RefPtr<File> file = TRY(task.GetFileOrPath(fd));
  return StoreStatfs(task, file->path(), out);
}

}  // namespace ukrun
