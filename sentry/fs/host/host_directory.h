// Directories of the host.
//
// Round trips are saved in three ways: a walk asks for the whole rest of the path at once,
// a listing brings the attributes of the entries along, and both leave inodes here
// ("primed") for the lookups that follow. In a tree that stands still, the listing itself
// is kept too.
//
// Some names in writable trees are in memory (memory_names.h): they are asked for first.
#pragma once

#include <map>
#include <optional>

#include "sentry/fs/host/host_inode.h"

namespace ukrun {

class HostDirectory final : public HostInode, public ListedDirectory {
 public:
  using HostInode::HostInode;

  Result<Attributes> GetAttributes() override;
  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override;
  Result<RefPtr<Inode>> Make(std::string_view name, const NewInode& what) override;
  Result<void> Link(std::string_view name, Inode& target) override;
  Result<void> Remove(std::string_view name, Inode& victim) override;
  Result<void> Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                      std::string_view new_name, Inode* replaced, RenameMode mode) override;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;

  ListedDirectory* listing() override { return this; }
  Result<std::vector<ListedEntry>> List(uint64_t position) override;

  void DropPrimed();

 private:
  // What was learned about a name; a null inode means that it does not exist.
  struct Known {
    RefPtr<HostInode> inode;
    int64_t learned_ns = 0;
  };
  struct Names {
    std::map<std::string, Known, std::less<>> known;
    // The whole directory, in a tree that stands still.
    std::optional<std::vector<ListedEntry>> listing;
    // Elsewhere: the position of the end, and when it was seen there.
    uint64_t end_position = 0;
    int64_t end_seen_ns = 0;
    // In a writable tree: where it was when it was last looked up, from the root.
    std::string path;
  };

  // Empty when nothing is known.
  std::optional<Result<RefPtr<Inode>>> TakeKnown(std::string_view name);
  void LearnName(std::string_view name, RefPtr<HostInode> inode);
  Result<GoferWalk> WalkFrom(const std::vector<std::string_view>& names);
  Result<RefPtr<HostInode>> MakeOnHost(std::string_view name, const NewInode& what,
                                       GoferOwner owner);
  // One page; false in *more when it was the last.
  Result<std::vector<ListedEntry>> ReadPage(uint64_t* cookie, bool* more);
  Result<std::vector<ListedEntry>> ListStill(uint64_t position);
  Result<std::vector<ListedEntry>> ListHost(uint64_t position);
  void NamesChanged();
  // `child` was met here as `name`.
  void TellPlace(std::string_view name, HostInode& child);
  std::string PathOf(std::string_view name) const;

  // Names in memory (memory_names.h); null when there are none.
  RefPtr<TmpfsDirectory> InMemory() { return host().memory_names().Find(key()); }
  Result<RefPtr<TmpfsDirectory>> EnsureInMemory();
  bool HasNamesInMemory();
  // Whether the host must not get a file of this type by this name.
  Result<bool> BelongsInMemory(std::string_view name, uint32_t type);
  Result<RefPtr<Inode>> MakeInMemory(std::string_view name, const NewInode& what);
  Result<void> LinkInMemory(std::string_view name, Inode& target);
  Result<void> RenameInMemory(std::string_view old_name, Inode& moved, HostDirectory& target,
                              std::string_view new_name, Inode* replaced, RenameMode mode);

  mutable Locked<Names, LockRank::kInode> names_;
};

}  // namespace ukrun
