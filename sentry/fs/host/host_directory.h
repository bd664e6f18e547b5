// Directories of the host.
//
// Round trips are saved in three ways: a walk asks for the whole rest of the path at once,
// a listing brings the attributes of the entries along, and both leave inodes here
// ("primed") for the lookups that follow. In a tree that stands still, the listing itself
// is kept too.
#pragma once

#include <map>
#include <optional>

#include "sentry/fs/host/host_inode.h"

namespace ukrun {

class HostDirectory final : public HostInode, public ListedDirectory {
 public:
  using HostInode::HostInode;

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
  void NamesChanged();

  Locked<Names, LockRank::kInode> names_;
};

}  // namespace ukrun
