// Path resolution and the operations on names: what the *at family of system calls does.
//
// As path_resolution(7) and openat2(2) say. Every function takes the task whose root,
// working directory and credentials apply, and checks permissions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class Task;
class Credentials;

// Where a walk starts: AT_FDCWD or a descriptor.
inline constexpr int32_t kAtFdCwd = -100;

enum class FollowLast : uint8_t { kYes, kNo };

struct WalkOptions {
  FollowLast follow_last = FollowLast::kYes;
  // AT_EMPTY_PATH: an empty name means the starting point itself.
  bool allow_empty = false;
  bool must_be_directory = false;  // as with a trailing slash
  uint64_t resolve = 0;            // RESOLVE_* of openat2
};

// The result of a walk up to the last component.
struct LastComponent {
  Path directory;
  std::string name;  // never "", "." or ".."; see `special`
  bool trailing_slash = false;
  // The path ends in "." or "..", or is "/" itself: then `directory` is the object.
  bool special = false;
};

// Errors: those of path_resolution(7).
Result<Path> Walk(Task& task, Fd start, std::string_view path, const WalkOptions& options = {});
Result<LastComponent> WalkToLast(Task& task, Fd start, std::string_view path);
// From an explicit place; for the kernel itself (program loading, mounts).
Result<Path> WalkFrom(Task& task, const Path& start, std::string_view path,
                      const WalkOptions& options = {});

struct OpenRequest {
  uint32_t flags = 0;  // O_*
  uint32_t mode = 0;
  uint64_t resolve = 0;
};
Result<RefPtr<File>> Open(Task& task, Fd start, std::string_view path, const OpenRequest& request);
// Opens what a walk has found (magic links, execve). Checks permissions.
Result<RefPtr<File>> OpenPath(Task& task, const Path& path, const OpenRequest& request);

// mkdir, mknod, symlink: `what.mode` has the type; the umask is applied here.
Result<Path> MakeNode(Task& task, Fd start, std::string_view path, const NewInode& what);
Result<void> Unlink(Task& task, Fd start, std::string_view path);
Result<void> RemoveDirectory(Task& task, Fd start, std::string_view path);
Result<void> LinkPath(Task& task, const Path& target, Fd start, std::string_view path);
Result<void> Rename(Task& task, Fd old_start, std::string_view old_path, Fd new_start,
                    std::string_view new_path, RenameMode mode);

// --- Attributes with the permission rules of chmod(2), chown(2), utimensat(2), truncate(2).
struct TimeChange {
  enum class Kind : uint8_t { kOmit, kNow, kSet } kind = Kind::kOmit;
  int64_t time_ns = 0;
};
Result<void> ChangeMode(Task& task, const Path& path, uint32_t permissions);
// -1 leaves an id as it is.
Result<void> ChangeOwner(Task& task, const Path& path, uint32_t uid, uint32_t gid);
Result<void> ChangeTimes(Task& task, const Path& path, TimeChange access, TimeChange modify);
Result<void> TruncatePath(Task& task, const Path& path, int64_t size);

// MAY_* bits, as in access(2): 4 read, 2 write, 1 execute.
inline constexpr int kMayRead = 4;
inline constexpr int kMayWrite = 2;
inline constexpr int kMayExecute = 1;
// Errors: EACCES; EROFS for writing on a read-only mount.
Result<void> CheckPermission(const Credentials& credentials, const Path& path, int may);
// The bits alone, from attributes.
bool Permits(const Credentials& credentials, const Attributes& attributes, int may);
bool IsReadOnly(const Path& path);

// --- Names of paths.
// As getcwd(2) and /proc/self/fd show it: relative to `root`, "(unreachable)" and
// " (deleted)" as on Linux.
std::string PathName(const Path& path, const Path& root);

// --- Mounts.
struct MountRequest {
  RefPtr<FileSystem> file_system;
  RefPtr<Dentry> root;  // null: the file system's root
  MountFlags flags;
  std::string source;
};
// The root of the tree; made once at start.
Path CreateRootMount(const MountRequest& request);
Result<RefPtr<Mount>> AttachMount(const Path& where, const MountRequest& request);
// Errors: EINVAL when it is not a mount's root; EBUSY.
Result<void> DetachMount(const Path& where);
// For /proc/mounts and mountinfo, in order of mounting.
std::vector<RefPtr<Mount>> AllMounts();

// A path for an object without a name in the tree: pipe:[N], socket:[N], memfd.
Path AnonymousPath(std::string name, RefPtr<Inode> inode);

// Numbers for st_dev of file systems of the sandbox's own (major 0).
uint64_t NewDeviceNumber();
uint64_t NewInodeNumber();

// Time for inode timestamps (CLOCK_REALTIME).
int64_t FileTimeNow();

}  // namespace ukrun
