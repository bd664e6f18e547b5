// Making, linking, removing and renaming on the host, in writable trees. What happens in
// memory instead: host_directory_memory.cc.
#include <linux/fs.h>

#include "sentry/fs/host/host_directory.h"
#include "sentry/fs/host/host_regular.h"

namespace ukrun {

Result<RefPtr<HostInode>> HostDirectory::MakeOnHost(std::string_view name, const NewInode& what,
                                                    GoferOwner owner) {
  uint32_t mode = what.mode & 07777;
  auto here = [&](auto make) { return WithHandle(make); };
  switch (what.mode & S_IFMT) {
    case S_IFREG: {
      GoferOpenOptions options;
      options.access = GoferAccess::kReadWrite;
      GoferCreated created = TRY(here(
          [&](GoferHandle handle) { return client().Create(handle, name, mode, options, owner); }));
      RefPtr<HostInode> inode = host().Intern(created.node);
      static_cast<HostRegular&>(*inode).OfferDescriptor(std::move(created.fd), options.access);
      return inode;
    }
    case S_IFDIR:
      return host().Intern(TRY(here(
          [&](GoferHandle handle) { return client().MakeDirectory(handle, name, mode, owner); })));
    case S_IFIFO:
      return host().Intern(TRY(
          here([&](GoferHandle handle) { return client().MakeFifo(handle, name, mode, owner); })));
    case S_IFLNK: {
      RefPtr<HostInode> inode = host().Intern(TRY(here([&](GoferHandle handle) {
        return client().MakeSymlink(handle, name, what.symlink_target, owner);
      })));
      inode->LearnLinkTarget(std::string(what.symlink_target));
      return inode;
    }
    default:
      // Devices of the sandbox mean nothing on the host.
      return Fail(EPERM);
  }
}

Result<RefPtr<Inode>> HostDirectory::Make(std::string_view name, const NewInode& what) {
  NewInode inherited = what;
  Attributes own = TRY(GetAttributes());
  GoferOwner owner = host().OwnerOfNew(what.uid, what.gid);
  if ((own.mode & S_ISGID) != 0) {
    // The host's directory gives its group to what is made in it.
    owner.gid = GoferOwner::kUnchanged;
    if (IsDirectoryMode(what.mode)) {
      inherited.mode |= S_ISGID;
    }
  }
  if ((what.mode & S_IFMT) == S_IFSOCK) {
    return MakeInMemory(name, inherited);
  }
  NamesChanged();
  Result<RefPtr<HostInode>> made = MakeOnHost(name, inherited, owner);
  if (made.Is(EPERM) &&
      (owner.uid != GoferOwner::kUnchanged || owner.gid != GoferOwner::kUnchanged)) {
    // A user of the sandbox's own, whom the host does not know: the caller owns the file.
    made = MakeOnHost(name, inherited, GoferOwner{});
  }
  if (made.Is(EACCES) && TRY(BelongsInMemory(name, what.mode))) {
    return MakeInMemory(name, inherited);
  }
  RefPtr<HostInode> inode = TRY(std::move(made));
  TellPlace(name, *inode);
  NamesChanged();
  return RefPtr<Inode>(inode);
}

Result<void> HostDirectory::Link(std::string_view name, Inode& target) {
  if (host().memory_names().Holds(target)) {
    return LinkInMemory(name, target);
  }
  auto& file = static_cast<HostInode&>(target);
  Result<GoferNode> node = WithHandle([&](GoferHandle directory) {
    return file.WithHandle(
        [&](GoferHandle handle) { return client().MakeLink(handle, directory, name); });
  });
  if (node.Is(EACCES) && TRY(BelongsInMemory(name, target.type()))) {
    return Fail(EXDEV);
  }
  TRY(node);
  NamesChanged();
  host().Adopt(*node, file);
  return Ok();
}

namespace {

// A file that is open stays usable without its name.
void KeepIfOpen(Inode& inode) {
  if (inode.type() == S_IFREG && inode.open_count().load(std::memory_order_relaxed) > 0) {
    static_cast<HostRegular&>(inode).KeepDescriptor();
  }
}

}  // namespace

Result<void> HostDirectory::Remove(std::string_view name, Inode& victim) {
  if (host().memory_names().Holds(victim)) {
    return InMemory()->Remove(name, victim);
  }
  if (victim.type() == S_IFDIR && static_cast<HostDirectory&>(victim).HasNamesInMemory()) {
    return Fail(ENOTEMPTY);
  }
  KeepIfOpen(victim);
  TRY(WithHandle([&](GoferHandle handle) -> Result<void> {
    return victim.type() == S_IFDIR ? client().RemoveDirectory(handle, name)
                                    : client().Unlink(handle, name);
  }));
  NamesChanged();
  host().memory_names().DirectoryRemoved(static_cast<HostInode&>(victim).key());
  static_cast<HostInode&>(victim).NoteRemoved();
  return Ok();
}

Result<void> HostDirectory::Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                                   std::string_view new_name, Inode* replaced, RenameMode mode) {
  auto& target = static_cast<HostDirectory&>(new_directory);
  MemoryNames& memory = host().memory_names();
  if (memory.Holds(moved) || (replaced != nullptr && memory.Holds(*replaced))) {
    return RenameInMemory(old_name, moved, target, new_name, replaced, mode);
  }
  bool replaces_directory =
      replaced != nullptr && replaced->type() == S_IFDIR && mode == RenameMode::kReplace;
  if (replaces_directory && static_cast<HostDirectory*>(replaced)->HasNamesInMemory()) {
    return Fail(ENOTEMPTY);
  }
  uint32_t flags = mode == RenameMode::kNoReplace  ? RENAME_NOREPLACE
                   : mode == RenameMode::kExchange ? RENAME_EXCHANGE
                                                   : 0;
  if (replaced != nullptr && mode == RenameMode::kReplace) {
    KeepIfOpen(*replaced);
  }
  Result<void> renamed = WithHandle([&](GoferHandle from) {
    return target.WithHandle(
        [&](GoferHandle to) { return client().Rename(from, old_name, to, new_name, flags); });
  });
  if (renamed.Is(EACCES) && TRY(target.BelongsInMemory(new_name, moved.type()))) {
    return Fail(EXDEV);  // makes programs copy, which leaves the copy in memory
  }
  TRY(renamed);
  if (replaces_directory) {
    memory.DirectoryRemoved(static_cast<HostDirectory*>(replaced)->key());
  }
  memory.DirectoryMoved(PathOf(old_name), target.PathOf(new_name), mode);
  NamesChanged();
  target.NamesChanged();
  static_cast<HostInode&>(moved).ForgetAttributes();
  if (replaced != nullptr) {
    if (mode == RenameMode::kReplace) {
      static_cast<HostInode*>(replaced)->NoteRemoved();
    } else {
      static_cast<HostInode*>(replaced)->ForgetAttributes();
    }
  }
  return Ok();
}

}  // namespace ukrun
