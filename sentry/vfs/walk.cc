#include <linux/openat2.h>

#include "sentry/task/task.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/mount_table.h"
#include "sentry/vfs/permissions.h"
#include "sentry/vfs/walker.h"

namespace ukrun {
namespace {

constexpr size_t kNameMax = 255;
constexpr int kMostLinks = 40;

}  // namespace

Result<RefPtr<Dentry>> LookupChildLocked(Dentry& directory, std::string_view name,
                                         std::string_view rest) {
  RefPtr<Inode> inode = directory.inode();
  bool cacheable = inode->file_system().cache_names() == CacheNames::kYes;
  RefPtr<Dentry> cached = directory.Find(name);
  // What is a mount point stays, whatever the file system says today.
  if (cached && (cacheable || cached->has_mounts())) {
    DentryCache::Use(*cached);
    return cached;
  }
  if (directory.unlinked()) {
    return Fail(ENOENT);
  }
  Result<RefPtr<Inode>> found = inode->Lookup(name, rest);
  if (!found.ok() && !found.Is(ENOENT)) {
    return found.failure();
  }
  RefPtr<Inode> child = found.ok() ? *found : nullptr;
  if (cached && cached->inode() == child) {
    return cached;
  }
  RefPtr<Dentry> dentry = directory.Insert(name, std::move(child));
  if (cacheable) {
    DentryCache::Use(*dentry);
  }
  return dentry;
}

Result<RefPtr<Dentry>> LookupChild(Dentry& directory, std::string_view name, std::string_view rest,
                                   OnMiss on_miss) {
  if (directory.inode()->file_system().cache_names() == CacheNames::kYes) {
    if (RefPtr<Dentry> cached = directory.Find(name)) {
      DentryCache::Use(*cached);
      return cached;
    }
  }
  if (on_miss == OnMiss::kFail) {
    return Fail(EAGAIN);
  }
  MutexGuard guard(directory.directory_lock());
  return LookupChildLocked(directory, name, rest);
}

bool Walker::Scoped() const {
  return (options_.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
}

Result<void> Walker::Start(Fd start, std::string_view path) {
  bool absolute = !path.empty() && path.front() == '/';
  if (path.empty() && !options_.allow_empty) {
    return Fail(ENOENT);
  }
  // An absolute path does not even look at the descriptor, unless it is the root.
  if (start.value == kAtFdCwd || (absolute && !Scoped())) {
    return StartAt(task_.fs().cwd(), path);
  }
  RefPtr<File> file = TRY(task_.GetFileOrPath(start));
  Inode* inode = file->inode();
  if (path.empty() && inode == nullptr) {
    return Fail(ENOENT);
  }
  if (!path.empty() && (inode == nullptr || inode->type() != S_IFDIR)) {
    return Fail(ENOTDIR);
  }
  return StartAt(file->path(), path);
}

Result<void> Walker::StartAt(const Path& start, std::string_view path) {
  if (path.empty() && !options_.allow_empty) {
    return Fail(ENOENT);
  }
  current_ = start;
  root_ = Scoped() ? start : task_.fs().root();
  remaining_ = path;
  consumed_ = 0;
  if (!path.empty() && path.front() == '/') {
    if ((options_.resolve & RESOLVE_BENEATH) != 0) {
      return Fail(EXDEV);
    }
    current_ = root_;
  }
  return Ok();
}

// Every component, dots included, is looked up in a directory that may be searched.
Result<void> Walker::CheckDirectory() {
  RefPtr<Inode> inode = current_.dentry->inode();
  if (!inode || inode->type() != S_IFDIR) {
    return Fail(ENOTDIR);
  }
  return CheckSearch(task_.credentials(), *inode);
}

Result<void> Walker::StepUp() {
  if (current_ == root_) {
    return (options_.resolve & RESOLVE_BENEATH) != 0 ? Fail(EXDEV) : Result<void>();
  }
  Path outside = current_;
  if (StepOutOfMounts(outside) && (options_.resolve & RESOLVE_NO_XDEV) != 0) {
    return Fail(EXDEV);
  }
  // Nothing leads out of the task's root, however mounts are stacked on it.
  if (!(outside == root_)) {
    if (RefPtr<Dentry> parent = outside.dentry->parent()) {
      outside.dentry = std::move(parent);
    }
  }
  StepIntoMounts(outside);
  current_ = std::move(outside);
  return Ok();
}

Result<void> Walker::StepInto(RefPtr<Dentry> dentry) {
  current_.dentry = std::move(dentry);
  if (StepIntoMounts(current_) && (options_.resolve & RESOLVE_NO_XDEV) != 0) {
    return Fail(EXDEV);
  }
  return Ok();
}

Result<void> Walker::JumpToRoot() {
  if ((options_.resolve & RESOLVE_BENEATH) != 0) {
    return Fail(EXDEV);
  }
  if ((options_.resolve & RESOLVE_NO_XDEV) != 0 && !(current_.mount == root_.mount)) {
    return Fail(EXDEV);
  }
  current_ = root_;
  return Ok();
}

Result<void> Walker::FollowLink(const Path& link, Inode& inode) {
  if ((options_.resolve & RESOLVE_NO_SYMLINKS) != 0 || ++links_followed_ > kMostLinks) {
    return Fail(ELOOP);
  }
  Result<Path> magic = inode.FollowMagicLink(task_);
  if (magic.ok()) {
    if ((options_.resolve & RESOLVE_NO_MAGICLINKS) != 0) {
      return Fail(ELOOP);
    }
    bool other_mount = !(magic->mount == link.mount);
    if (Scoped() || (other_mount && (options_.resolve & RESOLVE_NO_XDEV) != 0)) {
      return Fail(EXDEV);
    }
    current_ = *magic;
    return Ok();
  }
  if (!magic.Is(EINVAL)) {
    return magic.failure();
  }
  std::string target = TRY(inode.ReadLink());
  if (target.empty()) {
    return Fail(ENOENT);
  }
  bool absolute = target.front() == '/';
  // What is left begins with a slash, or is empty.
  target.append(remaining_, consumed_);
  remaining_ = std::move(target);
  consumed_ = 0;
  return absolute ? JumpToRoot() : Ok();
}

Result<RefPtr<Dentry>> Walker::LookupCurrent(std::string_view name) {
  if (name.size() > kNameMax) {
    return Fail(ENAMETOOLONG);
  }
  std::string_view rest = std::string_view(remaining_).substr(consumed_);
  OnMiss on_miss =
      (options_.resolve & RESOLVE_CACHED) != 0 ? OnMiss::kFail : OnMiss::kAskFileSystem;
  return LookupChild(*current_.dentry, name, rest, on_miss);
}

Result<void> Walker::ToLast() {
  special_ = false;
  trailing_slash_ = false;
  for (;;) {
    size_t begin = remaining_.find_first_not_of('/', consumed_);
    if (begin == std::string::npos) {
      // "/", "", or nothing left after a magic link.
      trailing_slash_ = consumed_ < remaining_.size();
      name_ = "/";
      special_ = true;
      return Ok();
    }
    TRY(CheckDirectory());
    size_t end = std::min(remaining_.find('/', begin), remaining_.size());
    std::string_view component = std::string_view(remaining_).substr(begin, end - begin);
    consumed_ = end;
    bool last = remaining_.find_first_not_of('/', end) == std::string::npos;
    bool dots = component == "." || component == "..";
    if (component == "..") {
      TRY(StepUp());
    }
    if (last) {
      trailing_slash_ = end < remaining_.size();
      name_ = component;
      special_ = dots;
      return Ok();
    }
    if (dots) {
      continue;
    }
    RefPtr<Dentry> child = TRY(LookupCurrent(component));
    RefPtr<Inode> inode = child->inode();
    if (!inode) {
      return Fail(ENOENT);
    }
    if (inode->type() == S_IFLNK) {
      TRY(FollowLink(Path{current_.mount, child}, *inode));
    } else {
      TRY(StepInto(std::move(child)));
    }
  }
}

Result<RefPtr<Dentry>> Walker::LookupLast() { return LookupCurrent(name_); }

Result<void> Walker::FollowLast(RefPtr<Dentry> link) {
  RefPtr<Inode> inode = link->inode();
  return FollowLink(Path{current_.mount, std::move(link)}, *inode);
}

Result<Path> Walker::ToEnd() {
  for (;;) {
    TRY(ToLast());
    bool need_directory = trailing_slash_ || options_.must_be_directory;
    if (!special_) {
      RefPtr<Dentry> found = TRY(LookupLast());
      RefPtr<Inode> inode = found->inode();
      if (!inode) {
        return Fail(ENOENT);
      }
      // A slash after the name of a link asks for what it leads to.
      if (inode->type() == S_IFLNK &&
          (options_.follow_last == FollowLast::kYes || trailing_slash_)) {
        TRY(FollowLast(std::move(found)));
        continue;
      }
      TRY(StepInto(std::move(found)));
    }
    if (need_directory) {
      RefPtr<Inode> inode = current_.dentry->inode();
      if (!inode || inode->type() != S_IFDIR) {
        return Fail(ENOTDIR);
      }
    }
    return current_;
  }
}

Result<Path> Walk(Task& task, Fd start, std::string_view path, const WalkOptions& options) {
  Walker walker(task, options);
  TRY(walker.Start(start, path));
  return walker.ToEnd();
}

Result<Path> WalkFrom(Task& task, const Path& start, std::string_view path,
                      const WalkOptions& options) {
  Walker walker(task, options);
  TRY(walker.StartAt(start, path));
  return walker.ToEnd();
}

Result<LastComponent> WalkToLast(Task& task, Fd start, std::string_view path) {
  Walker walker(task, WalkOptions{});
  TRY(walker.Start(start, path));
  TRY(walker.ToLast());
  if (walker.name().size() > kNameMax) {
    return Fail(ENAMETOOLONG);
  }
  return LastComponent{walker.current(), walker.name(), walker.trailing_slash(), walker.special()};
}

}  // namespace ukrun
