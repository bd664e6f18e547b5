// One walk along a path, component by component, as path_resolution(7) describes it.
//
// Internal to the VFS. The walk can stop before the last component, which the operations on
// names need, and go on through a symbolic link found there, which open(2) with O_CREAT
// needs. Symbolic links are spliced into the rest of the path, so nothing recurses.
#pragma once

#include <string>
#include <string_view>

#include "sentry/vfs/vfs.h"

namespace ukrun {

class Walker {
 public:
  Walker(Task& task, const WalkOptions& options) : task_(task), options_(options) {}

  // Errors: ENOENT for an empty path (unless allowed), EBADF, ENOTDIR, EXDEV.
  Result<void> Start(Fd start, std::string_view path);
  Result<void> StartAt(const Path& start, std::string_view path);

  // Goes to where the last component is to be looked up.
  Result<void> ToLast();
  // --- After ToLast.
  // The directory of the last name; the object itself when special().
  const Path& current() const { return current_; }
  const std::string& name() const { return name_; }
  bool trailing_slash() const { return trailing_slash_; }
  // There is no name: the path was "/" or empty, ended in a dot, or in a magic link.
  bool special() const { return special_; }

  // What the last name refers to; its dentry may be negative. Does not enter mounts.
  // Errors: EACCES, ENOTDIR, ENAMETOOLONG.
  Result<RefPtr<Dentry>> LookupLast();
  // Continues through the symbolic link `link`, which the last name referred to: call
  // ToLast() again.
  Result<void> FollowLast(RefPtr<Dentry> link);
  // The object of the whole path. Call instead of ToLast.
  Result<Path> ToEnd();

 private:
  Result<void> CheckDirectory();
  Result<void> StepUp();
  Result<void> StepInto(RefPtr<Dentry> dentry);
  Result<void> FollowLink(const Path& link, Inode& inode);
  Result<void> JumpToRoot();
  Result<RefPtr<Dentry>> LookupCurrent(std::string_view name);
  bool Scoped() const;

  Task& task_;
  const WalkOptions options_;
  Path root_;
  Path current_;
  std::string remaining_;
  size_t consumed_ = 0;  // of remaining_
  std::string name_;
  bool trailing_slash_ = false;
  bool special_ = false;
  int links_followed_ = 0;
};

// The child `name` of `directory`, from the cache or from the file system; negative when it
// does not exist. `rest`: see Inode::Lookup.
// Errors: what the file system reports besides ENOENT; ENOENT in a removed directory.
enum class OnMiss : uint8_t { kAskFileSystem, kFail };
Result<RefPtr<Dentry>> LookupChild(Dentry& directory, std::string_view name,
                                   std::string_view rest = {},
                                   OnMiss on_miss = OnMiss::kAskFileSystem);
// The same with directory.directory_lock() held.
Result<RefPtr<Dentry>> LookupChildLocked(Dentry& directory, std::string_view name,
                                         std::string_view rest = {});

}  // namespace ukrun
