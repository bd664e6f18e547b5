// What the Sentry learns about host files from the gofer, as plain structs. Values come
// from another process: a size or a mode may change at any time, and nothing here may be
// trusted further than Linux lets a program trust stat(2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/host_fd.h"

namespace ukrun {

// Names a file on the gofer's side. Each handle that a call returns counts once and is
// given back once, with GoferClient::Release; two walks to one name may give one handle
// twice. A handle stays valid while the file is renamed through the gofer; when the host
// replaces the file behind it, calls fail with ESTALE.
enum class GoferHandle : uint64_t { kNone = 0 };

struct GoferAttributes {
  uint64_t dev = 0;  // host device number, makedev(3) layout
  uint64_t ino = 0;
  uint32_t mode = 0;  // type and permissions, as st_mode
  uint32_t nlink = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;
  uint64_t size = 0;
  uint64_t blocks = 0;  // of 512 bytes
  uint32_t block_size = 0;
  int64_t atime_ns = 0;  // since the epoch
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  int64_t btime_ns = 0;  // 0: the host's file system does not know
};

struct GoferNode {
  GoferHandle handle = GoferHandle::kNone;
  GoferAttributes attributes;
};

enum class GoferAccess : uint32_t { kNone = 0, kRead = 1, kWrite = 2, kReadWrite = 3 };

struct GoferOpenOptions {
  GoferAccess access = GoferAccess::kRead;
  bool append = false;
  bool truncate = false;
};

// The answer to a walk. nodes[i] belongs to names[i]; fewer nodes than names means that the
// walk stopped: `error` is 0 when the last node is not a directory (a symlink, which the
// gofer never follows, or a file), else why the next name could not be walked (ENOENT for
// missing and for hidden names).
struct GoferWalk {
  std::vector<GoferNode> nodes;
  int error = 0;
  // The target, when the last node is a symlink.
  std::string link_target;
  // When asked for, all names were walked and the last is a regular file that could be
  // opened; otherwise not valid (which is no error: ask with Open for the reason).
  HostFd fd;
};

struct GoferOpened {
  HostFd fd;
  GoferAttributes attributes;  // taken from the descriptor itself
};

struct GoferOpenRequest {
  GoferHandle handle = GoferHandle::kNone;
  GoferOpenOptions options;
};

// One of several opens in a batch: `error` is 0 and `fd` valid, or the reason.
struct GoferOpenAnswer {
  int error = 0;
  HostFd fd;
};

struct GoferCreated {
  GoferNode node;
  HostFd fd;
};

// Owner of a new file. kUnchanged leaves what the host gives to files of the gofer's user.
struct GoferOwner {
  static constexpr uint32_t kUnchanged = UINT32_MAX;
  uint32_t uid = kUnchanged;
  uint32_t gid = kUnchanged;
};

struct GoferTimeChange {
  enum class Kind : uint8_t { kKeep, kSet, kNow };
  Kind kind = Kind::kKeep;
  int64_t time_ns = 0;
};

// Carried out in this order: size, owner, mode, times.
struct GoferSetAttributes {
  static constexpr uint64_t kKeepSize = UINT64_MAX;
  static constexpr uint32_t kKeepMode = UINT32_MAX;
  uint64_t size = kKeepSize;
  uint32_t mode = kKeepMode;  // permission bits only
  GoferOwner owner;
  GoferTimeChange atime;
  GoferTimeChange mtime;
};

// An entry of a directory; "." and ".." and hidden names are never among them.
struct GoferDirEntry {
  std::string name;
  uint64_t cookie = 0;  // continues behind this entry
  GoferNode node;       // its handle is kNone unless handles were asked for
};

struct GoferDirPage {
  std::vector<GoferDirEntry> entries;
  // Where the next page starts. It may lie behind the last entry (hidden names follow it).
  uint64_t next_cookie = 0;
  bool end = false;
};

struct GoferStatFs {
  uint64_t type = 0;  // the host's magic number
  uint64_t block_size = 0;
  uint64_t fragment_size = 0;
  uint64_t blocks = 0;
  uint64_t blocks_free = 0;
  uint64_t blocks_available = 0;
  uint64_t files = 0;
  uint64_t files_free = 0;
  uint64_t name_max = 0;
  uint64_t flags = 0;  // ST_* as statfs(2) reports them
};

}  // namespace ukrun
