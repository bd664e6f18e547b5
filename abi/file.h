// Structures of the file system calls as x86-64 user space lays them out.
#pragma once

#include <cstdint>

#include "abi/timespec.h"

namespace ukrun::abi {

// struct stat (arch/x86/include/uapi/asm/stat.h).
struct Stat {
  uint64_t device, inode, link_count;
  uint32_t mode, uid, gid, padding;
  uint64_t special_device;
  int64_t size, block_size, blocks;
  int64_t access_seconds, access_nanoseconds;
  int64_t modify_seconds, modify_nanoseconds;
  int64_t change_seconds, change_nanoseconds;
  int64_t unused[3];
};
static_assert(sizeof(Stat) == 144);

struct StatxTime {
  int64_t seconds;
  uint32_t nanoseconds;
  int32_t reserved;
};

// struct statx (include/uapi/linux/stat.h).
struct Statx {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t link_count, uid, gid;
  uint16_t mode, padding;
  uint64_t inode, size, blocks, attributes_mask;
  StatxTime access_time, birth_time, change_time, modify_time;
  uint32_t special_major, special_minor, device_major, device_minor;
  uint64_t mount_id;
  uint32_t direct_io_memory_align, direct_io_offset_align;
  uint64_t spare[12];
};
static_assert(sizeof(Statx) == 256);

// struct statfs (include/uapi/asm-generic/statfs.h).
struct Statfs {
  int64_t type, block_size;
  uint64_t blocks, blocks_free, blocks_available, files, files_free;
  int32_t file_system_id[2];
  int64_t name_length, fragment_size, flags;
  int64_t spare[4];
};
static_assert(sizeof(Statfs) == 120);

// struct flock of fcntl(2).
struct Flock {
  int16_t type, whence;
  int32_t padding;
  int64_t start, length;
  int32_t pid, padding2;
};
static_assert(sizeof(Flock) == 32);

struct FileOwner {
  int32_t type, pid;
};

struct Iovec {
  uint64_t address, size;
};

struct OpenHow {
  uint64_t flags, mode, resolve;
};
static_assert(sizeof(OpenHow) == 24);

struct Utimbuf {
  int64_t access_seconds, modify_seconds;
};

}  // namespace ukrun::abi
