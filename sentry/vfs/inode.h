// An inode of some file system, and the file system it belongs to.
//
// Used by the VFS (sentry/vfs), which does what all file systems have in common: names,
// permissions, mounts, sticky directories, link counts' limits. An Inode answers for its
// own contents only, and never checks the caller's permissions (the gofer's answer apart).
//
// Thread rule: the VFS holds the directory's lock (Dentry::directory_lock) over Lookup,
// Make, Link, Remove and Rename of one directory; everything else comes unlocked.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/attributes.h"

namespace ukrun {

class Dentry;
class File;
class FileSystem;
class Inode;
class NamedPipe;
class Task;
class UnixSocketNode;
struct OpenOptions;
struct Path;

enum class CacheNames : uint8_t { kYes, kNo };
enum class RenameMode : uint8_t { kReplace, kNoReplace, kExchange };
enum class XattrMode : uint8_t { kSet, kCreate, kReplace };

struct FileSystemStatistics {
  int64_t type = 0;  // statfs magic
  uint64_t block_size = 4096;
  uint64_t blocks = 0;
  uint64_t blocks_free = 0;
  uint64_t blocks_available = 0;
  uint64_t files = 0;
  uint64_t files_free = 0;
  uint64_t name_limit = 255;
  uint64_t flags = 0;
};

class FileSystem : public RefCounted<FileSystem> {
 public:
  virtual ~FileSystem() = default;
  // As /proc/mounts says it: "tmpfs", "overlay", ...
  virtual std::string_view type_name() const = 0;
  virtual RefPtr<Inode> root() = 0;
  virtual Result<FileSystemStatistics> Statistics() = 0;
  // kNo: names appear and vanish by themselves (proc), so every walk asks Lookup.
  virtual CacheNames cache_names() const { return CacheNames::kYes; }
  // Called by sync(2), syncfs(2).
  virtual Result<void> Sync() { return Ok(); }
};

class Inode : public RefCounted<Inode> {
 public:
  virtual ~Inode();

  virtual FileSystem& file_system() = 0;
  // The S_IFMT part of the mode; never changes.
  virtual uint32_t type() const = 0;
  virtual Result<Attributes> GetAttributes() = 0;
  virtual Result<void> SetAttributes(const AttributeChange& change);

  // --- Directories. Names are single components, never "." or "..".
  // Errors: ENOENT when there is no such name.
  // `rest` is what the walk will ask for below this name (for file systems with round trips).
  virtual Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest);
  virtual Result<RefPtr<Inode>> Make(std::string_view name, const NewInode& what);
  virtual Result<void> Link(std::string_view name, Inode& target);
  // `victim` is what Lookup gave for `name`. Directories: ENOTEMPTY when not empty.
  virtual Result<void> Remove(std::string_view name, Inode& victim);
  // `this` is the old directory. The VFS has checked types; `replaced` may be null.
  virtual Result<void> Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                              std::string_view new_name, Inode* replaced, RenameMode mode);
  // An unnamed regular file (O_TMPFILE). Errors: EOPNOTSUPP.
  virtual Result<RefPtr<Inode>> MakeUnnamed(const NewInode& what);

  // --- Symbolic links.
  virtual Result<std::string> ReadLink();
  // Links such as /proc/self/fd/3 that lead to an object, not to a name. EINVAL: ordinary.
  virtual Result<Path> FollowMagicLink(Task& task);

  // --- Opening: regular files and directories (and proc's special files). Devices, fifos
  // and sockets are opened by the VFS. The VFS has checked permissions and truncates.
  virtual Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options);

  // --- Extended attributes. Errors: EOPNOTSUPP, ENODATA, ERANGE, EEXIST.
  virtual Result<std::string> GetXattr(std::string_view name);
  virtual Result<void> SetXattr(std::string_view name, std::string_view value, XattrMode mode);
  virtual Result<void> RemoveXattr(std::string_view name);
  virtual Result<std::vector<std::string>> ListXattrs();

  // State that the kernel hangs on an inode, whatever its file system (attachments.h).
  // Made at first use; the second answers null when there is none yet.
  class Attachments;
  Attachments& attachments();
  Attachments* attachments_if_any() const { return attachments_.load(std::memory_order_acquire); }

  // Open file descriptions, and those of them that write (negative: writing is denied, as
  // the file is being executed). Counted by File and by write_access.h.
  std::atomic<int32_t>& open_count() { return open_count_; }
  std::atomic<int32_t>& write_count() { return write_count_; }

 private:
  std::atomic<Attachments*> attachments_{nullptr};
  std::atomic<int32_t> open_count_{0};
  std::atomic<int32_t> write_count_{0};
};

}  // namespace ukrun
