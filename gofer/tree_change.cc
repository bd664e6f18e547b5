// Making, removing and renaming files below writable attach points.
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "gofer/tree.h"

namespace ukrun::gofer {
namespace {

constexpr uint32_t kPermissionBits = 07777;
// Nobody gets a program with another's rights onto the host from a sandbox.
constexpr uint32_t kFileModeBits = 01777;

bool Unchanged(const Owner& owner) {
  return owner.uid == static_cast<uid_t>(-1) && owner.gid == static_cast<gid_t>(-1);
}

}  // namespace

Result<void> Tree::CheckNewName(const Directory& directory, std::string_view name, uint32_t type) {
  if (!ValidName(name)) {
    return Fail(name.size() > 255 ? ENAMETOOLONG : EINVAL);
  }
  if (directory.node->attachment->takes_hidden_names) {
    return Ok();
  }
  HiddenTypes types = hiding_->paths().Match(nodes_.HiddenStateOf(directory.node), name);
  return types.Hides(type) ? Result<void>(Fail(EACCES)) : Ok();
}

// A name that is taken by something hidden can't be had, but is not said to exist.
Failure Tree::ExistingName(const Directory& directory, std::string_view name, int error) {
  if (error == EEXIST && LookUp(directory, name).Is(ENOENT)) {
    return Fail(EACCES);
  }
  return Fail(error);
}

bool Tree::IsTakenInSecret(const Directory& directory, std::string_view name) {
  return LookUp(directory, name).Is(ENOENT) &&
         !StatEntry(directory.fd->get(), CName(name).get()).Is(ENOENT);
}

Result<void> Tree::CheckName(uint64_t handle, std::string_view name, uint32_t mode) {
  Directory directory = TRY(FindDirectory(handle));
  TRY(CheckNewName(directory, name, mode & S_IFMT));
  return IsTakenInSecret(directory, name) ? Result<void>(Fail(EACCES)) : Ok();
}

// Looks at an entry that was just made and gives it to its owner.
Result<GoferNode> Tree::Created(const Directory& directory, std::string_view name, uint32_t type,
                                Owner owner) {
  CName c_name(name);
  if (!Unchanged(owner)) {
    HostFd fd = TRY(OpenPath(directory.fd->get(), c_name.get()));
    GoferAttributes made = TRY(StatDescriptor(fd.get()));
    if (FileType(made.mode) != type) {
      return Fail(ESTALE);
    }
    if (fchownat(fd.get(), "", owner.uid, owner.gid, AT_EMPTY_PATH) != 0) {
      return Fail(errno);
    }
  }
  GoferAttributes attributes = TRY(StatEntry(directory.fd->get(), c_name.get()));
  NodeRef node = nodes_.Intern(directory.node, name, attributes, NodeTable::CountLookup::kYes);
  return GoferNode{GoferHandle{node->handle}, attributes};
}

Result<GoferCreated> Tree::Create(uint64_t handle, std::string_view name, uint32_t mode,
                                  GoferOpenOptions options, Owner owner) {
  Directory directory = TRY(FindWritableDirectory(handle));
  TRY(CheckNewName(directory, name, S_IFREG));
  uint64_t access = O_RDWR;
  if (options.access == GoferAccess::kRead || options.access == GoferAccess::kWrite) {
    access = options.access == GoferAccess::kRead ? O_RDONLY : O_WRONLY;
  }
  uint64_t flags = access | O_CREAT | O_EXCL | O_NONBLOCK | (options.append ? O_APPEND : 0);
  Result<HostFd> fd =
      OpenEntry(directory.fd->get(), CName(name).get(), flags, mode & kFileModeBits);
  if (!fd.ok()) {
    return ExistingName(directory, name, fd.error());
  }
  if (!Unchanged(owner) && fchown(fd->get(), owner.uid, owner.gid) != 0) {
    int error = errno;
    unlinkat(directory.fd->get(), CName(name).get(), 0);
    return Fail(error);
  }
  GoferAttributes attributes = TRY(StatDescriptor(fd->get()));
  NodeRef node = nodes_.Intern(directory.node, name, attributes, NodeTable::CountLookup::kYes);
  GoferCreated created{GoferNode{GoferHandle{node->handle}, attributes}, {}};
  if (options.access != GoferAccess::kNone) {
    created.fd = *std::move(fd);
  }
  return created;
}

Result<GoferNode> Tree::MakeDirectory(uint64_t handle, std::string_view name, uint32_t mode,
                                      Owner owner) {
  Directory directory = TRY(FindWritableDirectory(handle));
  TRY(CheckNewName(directory, name, S_IFDIR));
  if (mkdirat(directory.fd->get(), CName(name).get(), mode & kPermissionBits) != 0) {
    return ExistingName(directory, name, errno);
  }
  return Created(directory, name, S_IFDIR, owner);
}

Result<GoferNode> Tree::MakeFifo(uint64_t handle, std::string_view name, uint32_t mode,
                                 Owner owner) {
  Directory directory = TRY(FindWritableDirectory(handle));
  TRY(CheckNewName(directory, name, S_IFIFO));
  mode_t fifo_mode = S_IFIFO | (mode & kFileModeBits);
  if (mknodat(directory.fd->get(), CName(name).get(), fifo_mode, 0) != 0) {
    return ExistingName(directory, name, errno);
  }
  return Created(directory, name, S_IFIFO, owner);
}

Result<GoferNode> Tree::MakeSymlink(uint64_t handle, std::string_view name, std::string_view target,
                                    Owner owner) {
  Directory directory = TRY(FindWritableDirectory(handle));
  TRY(CheckNewName(directory, name, S_IFLNK));
  if (target.empty() || target.find('\0') != std::string_view::npos) {
    return Fail(target.empty() ? ENOENT : EINVAL);
  }
  if (target.size() >= PATH_MAX) {
    return Fail(ENAMETOOLONG);
  }
  std::string c_target(target);
  if (symlinkat(c_target.c_str(), directory.fd->get(), CName(name).get()) != 0) {
    return ExistingName(directory, name, errno);
  }
  return Created(directory, name, S_IFLNK, owner);
}

Result<GoferNode> Tree::MakeLink(uint64_t file, uint64_t handle, std::string_view name) {
  NodeRef node = TRY(FindWritable(file));
  Directory directory = TRY(FindWritableDirectory(handle));
  if (node->attachment != directory.node->attachment) {
    return Fail(EXDEV);
  }
  if (node->type == S_IFDIR) {
    return Fail(EPERM);
  }
  TRY(CheckNewName(directory, name, node->type));
  SharedFd fd = TRY(nodes_.Descriptor(node));
  GoferAttributes attributes = TRY(StatDescriptor(fd->get()));
  if (hiding_->inodes().Contains(attributes)) {
    return Fail(ESTALE);
  }
  if (linkat(proc_fds_.get(), FdName(fd->get()).text, directory.fd->get(), CName(name).get(),
             AT_SYMLINK_FOLLOW) != 0) {
    return ExistingName(directory, name, errno);
  }
  return Created(directory, name, node->type, Owner{});
}

Result<void> Tree::Remove(uint64_t handle, std::string_view name, int flags) {
  Directory directory = TRY(FindWritableDirectory(handle));
  TRY(LookUp(directory, name));
  if (unlinkat(directory.fd->get(), CName(name).get(), flags) != 0) {
    return Fail(errno);
  }
  nodes_.NoteRemoved(directory.node, name);
  return Ok();
}

Result<void> Tree::Unlink(uint64_t directory, std::string_view name) {
  return Remove(directory, name, 0);
}

Result<void> Tree::RemoveDirectory(uint64_t directory, std::string_view name) {
  return Remove(directory, name, AT_REMOVEDIR);
}

// Whether `name` in `from` may be moved to `new_name` in `to`.
Result<void> Tree::CheckRename(const Directory& from, std::string_view name, const Directory& to,
                               std::string_view new_name) {
  GoferAttributes attributes = TRY(LookUp(from, name));
  if (IsDirectory(attributes)) {
    // Something below may be hidden because of this directory's name. EXDEV makes programs
    // copy instead, and a copy holds what is visible.
    const HiddenState* state = nodes_.HiddenStateOf(from.node);
    if (hiding_->paths().Step(state, name)->guards_names_below) {
      return Fail(EXDEV);
    }
  }
  return CheckNewName(to, new_name, FileType(attributes.mode));
}

Result<void> Tree::Rename(uint64_t old_handle, std::string_view old_name, uint64_t new_handle,
                          std::string_view new_name, uint32_t flags) {
  if ((flags & ~uint32_t{RENAME_NOREPLACE | RENAME_EXCHANGE}) != 0) {
    return Fail(EINVAL);
  }
  Directory from = TRY(FindWritableDirectory(old_handle));
  Directory to = TRY(FindWritableDirectory(new_handle));
  if (from.node->attachment != to.node->attachment) {
    return Fail(EXDEV);
  }
  TRY(CheckRename(from, old_name, to, new_name));
  bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if (exchange) {
    TRY(CheckRename(to, new_name, from, old_name));
  } else if (IsTakenInSecret(to, new_name)) {
    return Fail(EACCES);  // a hidden file would be lost
  }
  if (renameat2(from.fd->get(), CName(old_name).get(), to.fd->get(), CName(new_name).get(),
                flags) != 0) {
    return Fail(errno);
  }
  nodes_.NoteRenamed(from.node, old_name, to.node, new_name, exchange);
  return Ok();
}

}  // namespace ukrun::gofer
