#include "gofer/host_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "gofer/host_statx.h"

namespace ukrun::gofer {

bool ValidName(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

CName::CName(std::string_view name) {
  size_t size = std::min(name.size(), sizeof(text_) - 1);
  std::memcpy(text_, name.data(), size);
  text_[size] = '\0';
}

FdName::FdName(int fd) { *std::to_chars(text, text + sizeof(text) - 1, fd).ptr = '\0'; }

namespace {

Result<HostFd> OpenAt2(int directory, const char* name, uint64_t flags, uint32_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: a rename somewhere on the host raced with RESOLVE_BENEATH's check.
  for (int attempt = 0; attempt < 100; ++attempt) {
    long fd = syscall(SYS_openat2, directory, name, &how, sizeof(how));
    if (fd >= 0) {
      return HostFd(static_cast<int>(fd));
    }
    if (errno != EAGAIN && errno != EINTR) {
      break;
    }
  }
  return Fail(errno);
}

int64_t Nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Result<HostFd> OpenPath(int directory, const char* name) {
  return OpenAt2(directory, name, O_PATH, 0);
}

Result<HostFd> OpenEntry(int directory, const char* name, uint64_t flags, uint32_t mode) {
  return OpenAt2(directory, name, flags, mode);
}

Result<HostFd> OpenDirectory(int directory) {
  return OpenAt2(directory, ".", O_RDONLY | O_DIRECTORY, 0);
}

GoferAttributes FromStatx(const struct statx& from) {
  GoferAttributes to;
  to.dev = makedev(from.stx_dev_major, from.stx_dev_minor);
  to.ino = from.stx_ino;
  to.mode = from.stx_mode;
  to.nlink = from.stx_nlink;
  to.uid = from.stx_uid;
  to.gid = from.stx_gid;
  to.rdev = makedev(from.stx_rdev_major, from.stx_rdev_minor);
  to.size = from.stx_size;
  to.blocks = from.stx_blocks;
  to.block_size = from.stx_blksize;
  to.atime_ns = Nanoseconds(from.stx_atime);
  to.mtime_ns = Nanoseconds(from.stx_mtime);
  to.ctime_ns = Nanoseconds(from.stx_ctime);
  to.btime_ns = (from.stx_mask & STATX_BTIME) != 0 ? Nanoseconds(from.stx_btime) : 0;
  return to;
}

Result<GoferAttributes> StatEntry(int directory, const char* name) {
  struct statx buffer;
  if (statx(directory, name, kStatxFlags, kStatxMask, &buffer) != 0) {
    return Fail(errno);
  }
  return FromStatx(buffer);
}

Result<GoferAttributes> StatDescriptor(int fd) {
  struct statx buffer;
  if (statx(fd, "", kStatxFlags | AT_EMPTY_PATH, kStatxMask, &buffer) != 0) {
    return Fail(errno);
  }
  return FromStatx(buffer);
}

Result<GoferStatFs> StatFsDescriptor(int fd) {
  struct statfs from;
  if (fstatfs(fd, &from) != 0) {
    return Fail(errno);
  }
  return GoferStatFs{.type = static_cast<uint64_t>(from.f_type),
                     .block_size = static_cast<uint64_t>(from.f_bsize),
                     .fragment_size = static_cast<uint64_t>(from.f_frsize),
                     .blocks = from.f_blocks,
                     .blocks_free = from.f_bfree,
                     .blocks_available = from.f_bavail,
                     .files = from.f_files,
                     .files_free = from.f_ffree,
                     .name_max = static_cast<uint64_t>(from.f_namelen),
                     .flags = static_cast<uint64_t>(from.f_flags)};
}

Result<std::string> ReadLinkEntry(int directory, const char* name) {
  char target[PATH_MAX];
  ssize_t size = readlinkat(directory, name, target, sizeof(target));
  if (size < 0) {
    return Fail(errno);
  }
  return std::string(target, static_cast<size_t>(size));
}

// An empty name means the descriptor's own file, if that is a symlink.
Result<std::string> ReadLinkDescriptor(int fd) { return ReadLinkEntry(fd, ""); }

Result<size_t> ReadEntries(int directory, std::span<char> buffer) {
  long size = syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
  if (size < 0) {
    return Fail(errno);
  }
  return static_cast<size_t>(size);
}

RawEntry NextEntry(std::span<const char>& records) {
  // The host kernel wrote these; they are aligned and whole.
  dirent64 head;
  std::memcpy(&head, records.data(), offsetof(dirent64, d_name));
  const char* name = records.data() + offsetof(dirent64, d_name);
  RawEntry entry{std::string_view(name), static_cast<uint64_t>(head.d_off), head.d_type,
                 head.d_ino};
  records = records.subspan(head.d_reclen);
  return entry;
}

}  // namespace ukrun::gofer
