// Directories of tmpfs.
#pragma once

#include "sentry/fs/tmpfs/directory_file.h"
#include "sentry/fs/tmpfs/directory_names.h"
#include "sentry/fs/tmpfs/tmpfs_inode.h"

namespace ukrun {

class TmpfsDirectory final : public TmpfsInode, public ListedDirectory {
 public:
  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override;
  Result<RefPtr<Inode>> Make(std::string_view name, const NewInode& what) override;
  Result<void> Link(std::string_view name, Inode& target) override;
  Result<void> Remove(std::string_view name, Inode& victim) override;
  Result<void> Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                      std::string_view new_name, Inode* replaced, RenameMode mode) override;
  Result<RefPtr<Inode>> MakeUnnamed(const NewInode& what) override;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;

  Result<std::vector<ListedEntry>> List(uint64_t position) override;
  void Listed() override { Accessed(); }

  // Takes all entries out, for the end of the file system.
  std::vector<RefPtr<TmpfsInode>> TakeAll();

 private:
  friend class TmpfsInode;
  friend class TmpfsFileSystem;
  using TmpfsInode::TmpfsInode;

  void DescribeContents(Attributes& attributes) override;
  Result<void> SetSize(uint64_t) override { return Fail(EISDIR); }

  // As inode_init_owner(): what is made in a set-group-id directory gets its group.
  NewInode Inherit(const NewInode& what);
  // Errors: ENOENT when this directory has been removed; EEXIST.
  Result<void> Insert(std::string_view name, RefPtr<TmpfsInode> inode);
  RefPtr<TmpfsInode> Take(std::string_view name);
  // Errors: ENOTEMPTY. Afterwards nothing can be made in here.
  Result<void> CloseForRemoval();
  Result<void> Exchange(std::string_view old_name, TmpfsDirectory& other,
                        std::string_view new_name);

  struct State {
    DirectoryNames<RefPtr<TmpfsInode>> names;
    bool removed = false;
  };
  // The VFS holds its directory locks over changes, so two of these are never held at once.
  Locked<State, LockRank::kInode> entries_;
};

}  // namespace ukrun
