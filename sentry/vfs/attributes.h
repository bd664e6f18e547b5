// What stat(2) knows of an inode, and how it is changed.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace ukrun {

// Times are nanoseconds since the epoch.
struct Attributes {
  uint64_t device = 0;  // the file system's st_dev
  uint64_t inode_number = 0;
  uint32_t mode = 0;  // type and permission bits
  uint32_t link_count = 1;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t special_device = 0;  // st_rdev
  uint64_t size = 0;
  uint64_t blocks = 0;  // of 512 bytes
  uint32_t block_size = 4096;
  int64_t access_time_ns = 0;
  int64_t modify_time_ns = 0;
  int64_t change_time_ns = 0;
  int64_t birth_time_ns = 0;
};

// Fields left empty stay as they are. The change time becomes now.
struct AttributeChange {
  std::optional<uint32_t> permissions;  // 07777 bits
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint64_t> size;
  std::optional<int64_t> access_time_ns;
  std::optional<int64_t> modify_time_ns;
};

// What a new directory entry refers to.
struct NewInode {
  uint32_t mode = 0;  // type and permission bits, umask already applied
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t special_device = 0;
  std::string_view symlink_target = {};
};

constexpr bool IsDirectoryMode(uint32_t mode) { return (mode & S_IFMT) == S_IFDIR; }
constexpr bool IsRegularMode(uint32_t mode) { return (mode & S_IFMT) == S_IFREG; }
constexpr bool IsSymlinkMode(uint32_t mode) { return (mode & S_IFMT) == S_IFLNK; }

// Linux's dev_t encoding as user space sees it (glibc's makedev).
constexpr uint64_t MakeDevice(uint32_t major, uint32_t minor) {
  return ((uint64_t{major} & 0xfffff000u) << 32) | ((uint64_t{major} & 0xfffu) << 8) |
         ((uint64_t{minor} & 0xffffff00u) << 12) | (uint64_t{minor} & 0xffu);
}
constexpr uint32_t DeviceMajor(uint64_t device) {
  return static_cast<uint32_t>(((device >> 32) & 0xfffff000u) | ((device >> 8) & 0xfffu));
}
constexpr uint32_t DeviceMinor(uint64_t device) {
  return static_cast<uint32_t>(((device >> 12) & 0xffffff00u) | (device & 0xffu));
}

}  // namespace ukrun
