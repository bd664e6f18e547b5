// open(2) and its relatives: finding or making the file, checking, and asking the file
// system (or a device, or a pipe) for the file description.
#include <fcntl.h>
#include <linux/openat2.h>

#include "base/format.h"
#include "sentry/task/task.h"
#include "sentry/vfs/device_registry.h"
#include "sentry/vfs/mount_table.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/special_files.h"
#include "sentry/vfs/walker.h"
#include "sentry/vfs/write_access.h"

namespace ukrun {
namespace {

// O_LARGEFILE as the kernel sees it (the C library's is 0): set for every 64-bit program.
constexpr uint32_t kLargeFile = 0100000;
// O_NOCTTY is left for terminals to see; File drops it.
constexpr uint32_t kNotKept = O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_ACCMODE;

// What O_PATH gives: a place, without the right to do anything to the file.
class PathFile final : public File {
 public:
  using File::File;
  Result<size_t> Read(GuestIo&) override { return Fail(EBADF); }
  Result<size_t> Write(GuestIo&) override { return Fail(EBADF); }
  Result<size_t> ReadAt(GuestIo&, int64_t) override { return Fail(EBADF); }
  Result<size_t> WriteAt(GuestIo&, int64_t) override { return Fail(EBADF); }
  Result<int64_t> Seek(int64_t, int) override { return Fail(EBADF); }
  Result<void> ReadDirectory(DirectorySink&) override { return Fail(EBADF); }
};

enum class Created : uint8_t { kNo, kYes };

bool Has(const OpenRequest& request, uint32_t flag) { return (request.flags & flag) == flag; }

int RequestedAccess(const OpenRequest& request) {
  int may = 0;
  switch (request.flags & O_ACCMODE) {
    case O_RDONLY:
      may = kMayRead;
      break;
    case O_WRONLY:
      may = kMayWrite;
      break;
    default:
      may = kMayRead | kMayWrite;
      break;
  }
  return Has(request, O_TRUNC) ? may | kMayWrite : may;
}

OpenOptions DecodeOptions(const OpenRequest& request) {
  uint32_t mode = request.flags & O_ACCMODE;
  // Mode 3 asks for both permissions, and allows neither (it is for ioctl only).
  return OpenOptions{.read = mode == O_RDONLY || mode == O_RDWR,
                     .write = mode == O_WRONLY || mode == O_RDWR,
                     .status_flags = (request.flags & ~kNotKept) | kLargeFile,
                     .no_terminal = Has(request, O_NOCTTY)};
}

Result<void> CheckType(const Path& path, uint32_t type, int may) {
  switch (type) {
    case S_IFLNK:
      return Fail(ELOOP);
    case S_IFDIR:
      return (may & kMayWrite) != 0 ? Fail(EISDIR) : Result<void>();
    case S_IFCHR:
    case S_IFBLK:
      return path.mount && path.mount->flags().no_dev ? Fail(EACCES) : Result<void>();
    default:
      return Ok();
  }
}

Result<void> TruncateOpened(Task& task, const Path& path, Inode& inode) {
  AttributeChange change;
  change.size = 0;
  change.modify_time_ns = FileTimeNow();
  Attributes attributes = TRY(inode.GetAttributes());
  if ((attributes.mode & (S_ISUID | S_ISGID)) != 0 &&
      !task.credentials().Has(Capability::kFsetid)) {
    change.permissions = WithoutSetIds(task.credentials(), attributes);
  }
  TRY(inode.SetAttributes(change));
  NotifyModified(path);
  return Ok();
}

Result<RefPtr<File>> OpenByType(Task& task, const Path& path, Inode& inode,
                                const OpenOptions& options) {
  switch (inode.type()) {
    case S_IFIFO:
      return OpenNamedPipe(task, path, inode, options);
    case S_IFSOCK:
    case S_IFBLK:
      return Fail(ENXIO);
    case S_IFCHR: {
      uint64_t device = TRY(inode.GetAttributes()).special_device;
      DeviceOpener opener = TRY(FindCharacterDevice(device));
      return opener(task, path, options);
    }
    default:
      return inode.Open(task, path, options);
  }
}

// A regular file is opened with its writers counted, and emptied where that was asked for.
Result<RefPtr<File>> OpenRegular(Task& task, const Path& path, Inode& inode,
                                 const OpenOptions& options, bool truncate) {
  bool counts = options.write || truncate;
  if (counts) {
    TRY(GetWriteAccess(inode));
  }
  Result<RefPtr<File>> file = inode.Open(task, path, options);
  if (file.ok()) {
    NotifyOpened((*file)->path());
  }
  if (file.ok() && truncate) {
    Result<void> truncated = TruncateOpened(task, path, inode);
    if (!truncated.ok()) {
      file = truncated.failure();
    }
  }
  if (file.ok() && options.write && (*file)->inode() == &inode) {
    AdoptWriteAccess(**file);
  } else if (counts) {
    PutWriteAccess(inode);
  }
  return file;
}

Result<RefPtr<File>> OpenFound(Task& task, const Path& path, const OpenRequest& request,
                               Created created) {
  RefPtr<Inode> inode = path.dentry->inode();
  if (!inode) {
    return Fail(ENOENT);
  }
  uint32_t type = inode->type();
  if (Has(request, O_CREAT) && type == S_IFDIR) {
    return Fail(EISDIR);
  }
  if (Has(request, O_DIRECTORY) && type != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  OpenOptions options = DecodeOptions(request);
  if (Has(request, O_PATH)) {
    options.read = options.write = false;
    options.status_flags = request.flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
    return RefPtr<File>(MakeRef<PathFile>(path, options));
  }
  int may = RequestedAccess(request);
  TRY(CheckType(path, type, may));
  // Who makes a file may use it as asked, whatever its mode says.
  if (created == Created::kNo) {
    TRY(CheckPermission(task.credentials(), path, may));
    if (Has(request, O_NOATIME) && !IsOwner(task.credentials(), TRY(inode->GetAttributes()))) {
      return Fail(EPERM);
    }
  }
  bool truncate = Has(request, O_TRUNC) && created == Created::kNo;
  if (type == S_IFREG) {
    return OpenRegular(task, path, *inode, options, truncate);
  }
  RefPtr<File> file = TRY(OpenByType(task, path, *inode, options));
  // As on Linux, this is found out when the file has been opened.
  if (Has(request, O_DIRECT)) {
    return Fail(EINVAL);
  }
  NotifyOpened(file->path());
  return file;
}

// Makes the file `dentry` (negative) stands for.
// Requires: the directory's lock.
Result<void> CreateLocked(Task& task, const Path& directory, Dentry& dentry, std::string_view name,
                          uint32_t mode) {
  TRY(CheckDirectoryChange(task.credentials(), directory));
  RefPtr<Inode> parent = directory.dentry->inode();
  NewInode what;
  what.mode = S_IFREG | (mode & 07777 & ~task.fs().umask());
  what = InheritGroup(task.credentials(), TRY(parent->GetAttributes()), what);
  dentry.Instantiate(TRY(parent->Make(name, what)));
  return Ok();
}

// One look at the last name of an O_CREAT open: makes the file if there is none.
Result<RefPtr<Dentry>> LookupOrCreate(Task& task, Walker& walker, uint32_t mode, Created* created) {
  RefPtr<Dentry> dentry = TRY(walker.LookupLast());
  if (dentry->inode()) {
    return dentry;
  }
  const Path& directory = walker.current();
  {
    MutexGuard guard(directory.dentry->directory_lock());
    dentry = TRY(LookupChildLocked(*directory.dentry, walker.name()));
    if (dentry->inode()) {
      return dentry;
    }
    Result<void> made = CreateLocked(task, directory, *dentry, walker.name(), mode);
    if (made.Is(EEXIST)) {
      // It appeared behind the cache's back (a directory shared with the host).
      dentry->Instantiate(TRY(directory.dentry->inode()->Lookup(walker.name(), {})));
      return dentry;
    }
    TRY(made);
  }
  *created = Created::kYes;
  NotifyCreated(directory, walker.name(), *dentry->inode());
  return dentry;
}

Result<RefPtr<File>> OpenCreating(Task& task, Fd start, std::string_view path,
                                  const OpenRequest& request) {
  Walker walker(task, WalkOptions{.resolve = request.resolve});
  TRY(walker.Start(start, path));
  for (;;) {
    TRY(walker.ToLast());
    if (walker.special()) {
      return Has(request, O_EXCL) ? Fail(EEXIST)
                                  : OpenFound(task, walker.current(), request, Created::kNo);
    }
    if (walker.trailing_slash()) {
      return Fail(EISDIR);
    }
    Created created = Created::kNo;
    RefPtr<Dentry> dentry = TRY(LookupOrCreate(task, walker, request.mode, &created));
    if (created == Created::kYes) {
      return OpenFound(task, Path{walker.current().mount, dentry}, request, created);
    }
    if (Has(request, O_EXCL)) {
      return Fail(EEXIST);
    }
    if (dentry->inode()->type() == S_IFLNK && !Has(request, O_NOFOLLOW)) {
      TRY(walker.FollowLast(std::move(dentry)));
      continue;
    }
    Path found{walker.current().mount, std::move(dentry)};
    if (StepIntoMounts(found) && (request.resolve & RESOLVE_NO_XDEV) != 0) {
      return Fail(EXDEV);
    }
    return OpenFound(task, found, request, created);
  }
}

// O_TMPFILE: a file in `directory` without a name.
Result<RefPtr<File>> OpenUnnamed(Task& task, const Path& directory, const OpenRequest& request) {
  TRY(CheckDirectoryChange(task.credentials(), directory));
  RefPtr<Inode> parent = directory.dentry->inode();
  NewInode what;
  what.mode = S_IFREG | (request.mode & 07777 & ~task.fs().umask());
  what = InheritGroup(task.credentials(), TRY(parent->GetAttributes()), what);
  RefPtr<Inode> inode = TRY(parent->MakeUnnamed(what));
  uint64_t number = TRY(inode->GetAttributes()).inode_number;
  bool linkable = !Has(request, O_EXCL);
  RefPtr<Dentry> dentry =
      Dentry::CreateUnnamed(*directory.dentry, Format("#{}", number), inode, linkable);
  OpenRequest plain = request;
  plain.flags &= ~uint32_t{O_TMPFILE};
  RefPtr<File> file = TRY(OpenFound(task, Path{directory.mount, dentry}, plain, Created::kYes));
  file->set_status_flags(file->status_flags() | O_TMPFILE);
  return file;
}

}  // namespace

Result<RefPtr<File>> Open(Task& task, Fd start, std::string_view path, const OpenRequest& request) {
  if (Has(request, O_TMPFILE) && !Has(request, O_PATH)) {
    WalkOptions options{.must_be_directory = true, .resolve = request.resolve};
    return OpenUnnamed(task, TRY(Walk(task, start, path, options)), request);
  }
  if (Has(request, O_CREAT) && !Has(request, O_PATH)) {
    return OpenCreating(task, start, path, request);
  }
  WalkOptions options{.follow_last = Has(request, O_NOFOLLOW) ? FollowLast::kNo : FollowLast::kYes,
                      .must_be_directory = Has(request, O_DIRECTORY),
                      .resolve = request.resolve};
  Path found = TRY(Walk(task, start, path, options));
  return OpenFound(task, found, request, Created::kNo);
}

Result<RefPtr<File>> OpenPath(Task& task, const Path& path, const OpenRequest& request) {
  return OpenFound(task, path, request, Created::kNo);
}

}  // namespace ukrun
