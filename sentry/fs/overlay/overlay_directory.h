// Directories of the overlay.
//
// A directory remembers the entries in which it differs from the one below: new ones,
// deleted ones (an entry without an inode), and changed ones, or those with changes further
// down (an entry that holds on to the inode). Names that exist below are listed at their
// place there, the others before them, so a listing's positions stay good while it goes on.
#pragma once

#include "sentry/fs/overlay/overlay_inode.h"
#include "sentry/fs/tmpfs/directory_names.h"

namespace ukrun {

class OverlayDirectory final : public OverlayInode, public ListedDirectory {
 public:
  using OverlayInode::OverlayInode;

  struct Entry {
    RefPtr<OverlayInode> inode;  // null: deleted
    bool exists_below = false;   // the name; what is there now may be something else
  };

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override;
  Result<RefPtr<Inode>> Make(std::string_view name, const NewInode& what) override;
  Result<void> Link(std::string_view name, Inode& target) override;
  Result<void> Remove(std::string_view name, Inode& victim) override;
  Result<void> Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                      std::string_view new_name, Inode* replaced, RenameMode mode) override;
  Result<RefPtr<Inode>> MakeUnnamed(const NewInode& what) override;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;
  Result<std::vector<ListedEntry>> List(uint64_t position) override;

  // Holds on to an unchanged entry that lies below.
  void KeepEntry(std::string_view name, OverlayInode& inode);
  // A copy of what it remembers, in order.
  struct NamedEntry {
    std::string name;
    Entry entry;
  };
  std::vector<NamedEntry> Entries();
  // Forgets everything, for the end of the file system.
  std::vector<RefPtr<OverlayInode>> TakeAll();

 private:
  Result<void> SetSize(uint64_t) override { return Fail(EISDIR); }
  Result<NewInode> Inherit(const NewInode& what);
  // It is kept, with its new times. Errors: ENOSPC.
  Result<void> NamesChanged();
  // Errors: ENOENT when this directory has been removed; EEXIST.
  Result<void> Insert(std::string_view name, RefPtr<OverlayInode> inode);
  // The name refers to nothing any more.
  void Erase(std::string_view name);
  Result<void> CloseForRemoval();
  Result<void> Exchange(std::string_view old_name, OverlayInode& first, OverlayDirectory& other,
                        std::string_view new_name, OverlayInode& second);

  struct State {
    DirectoryNames<Entry> names;
    bool removed = false;
  };
  Locked<State, LockRank::kInode> entries_;
};

}  // namespace ukrun
