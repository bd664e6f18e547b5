// Host files as the gofer touches them: thin wrappers that turn errno into Result.
//
// The rule of every function that takes a name: the name is one component, checked by
// ValidName, and is looked up in a directory that the gofer opened itself, never through a
// symlink. Functions that open something use openat2 with RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS; the others use calls that don't follow a
// last component.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/types.h"

namespace ukrun::gofer {

inline constexpr uint32_t kTypeMask = S_IFMT;
inline constexpr uint32_t FileType(uint32_t mode) { return mode & kTypeMask; }
inline bool IsDirectory(const GoferAttributes& a) { return FileType(a.mode) == S_IFDIR; }
inline bool IsRegular(const GoferAttributes& a) { return FileType(a.mode) == S_IFREG; }
inline bool IsSymlink(const GoferAttributes& a) { return FileType(a.mode) == S_IFLNK; }

// One component that names an entry: not empty, not "." or "..", no '/', no NUL, at most
// NAME_MAX bytes.
bool ValidName(std::string_view name);

// A NUL-terminated copy of a name on the stack.
class CName {
 public:
  // Requires: name.size() <= 255.
  explicit CName(std::string_view name);
  const char* get() const { return text_; }

 private:
  char text_[256];
};

// The name of descriptor `fd` in /proc/self/fd.
struct FdName {
  explicit FdName(int fd);
  char text[16];
};

// O_PATH descriptor of an entry; a symlink gives the symlink itself.
Result<HostFd> OpenPath(int directory, const char* name);
// Opens an entry with `flags` (O_NOFOLLOW and O_CLOEXEC are added).
Result<HostFd> OpenEntry(int directory, const char* name, uint64_t flags, uint32_t mode);
// Another description of the directory that `directory` refers to, for reading entries.
Result<HostFd> OpenDirectory(int directory);

Result<GoferAttributes> StatEntry(int directory, const char* name);
Result<GoferAttributes> StatDescriptor(int fd);
Result<GoferStatFs> StatFsDescriptor(int fd);
Result<std::string> ReadLinkDescriptor(int fd);
// EINVAL when the entry is no symlink.
Result<std::string> ReadLinkEntry(int directory, const char* name);

// Raw linux_dirent64 records into `buffer`; 0 at the end.
Result<size_t> ReadEntries(int directory, std::span<char> buffer);

// What one record of ReadEntries says. Advances `records` past it.
// Requires: !records.empty().
struct RawEntry {
  std::string_view name;
  uint64_t cookie = 0;
  uint8_t type = 0;  // DT_*
  uint64_t ino = 0;  // of the entry; of a mount point, what it covers
};
RawEntry NextEntry(std::span<const char>& records);

// Calls visit(entry) for each entry of a directory that is open for reading, "." and ".."
// included, until that returns false or there is nothing more to read.
template <typename Visitor>
void ForEachEntry(int directory, Visitor visit) {
  std::vector<char> buffer(size_t{32} * 1024);
  for (;;) {
    Result<size_t> size = ReadEntries(directory, buffer);
    if (!size.ok() || *size == 0) {
      return;
    }
    std::span<const char> records(buffer.data(), *size);
    while (!records.empty()) {
      if (!visit(NextEntry(records))) {
        return;
      }
    }
  }
}

}  // namespace ukrun::gofer
