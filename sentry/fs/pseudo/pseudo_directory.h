// A directory with a fixed set of names, filled before anybody sees it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sentry/fs/pseudo/pseudo_file_system.h"
#include "sentry/fs/tmpfs/directory_file.h"

namespace ukrun {

class PseudoDirectory : public PseudoInode, public ListedDirectory {
 public:
  PseudoDirectory(PseudoFileSystem& file_system, uint32_t permissions, uint64_t number = 0)
      : PseudoInode(file_system, S_IFDIR | permissions, number) {}

  // --- Only while the tree is being built.
  void Add(std::string_view name, RefPtr<PseudoInode> inode);
  // The directory `path` below this one; what is missing is made, with mode 0555.
  PseudoDirectory& MakeDirectories(std::string_view path);

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override;
  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override;

 protected:
  Result<std::vector<ListedEntry>> List(uint64_t position) override;
  void Describe(Attributes& attributes) override;
  size_t size() const { return entries_.size(); }

 private:
  PseudoInode* Find(std::string_view name) const;

  // Constant once the tree is built. In the order of their making.
  std::vector<std::pair<std::string, RefPtr<PseudoInode>>> entries_;
};

}  // namespace ukrun
