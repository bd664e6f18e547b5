// All that decides whether a host file exists for the sandbox: names, inodes, file systems.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "gofer/hidden.h"
#include "gofer/hidden_filesystems.h"
#include "gofer/hidden_inodes.h"
#include "gofer/link_search.h"
#include "gofer/types.h"

namespace ukrun::gofer {

class Hiding {
 public:
  // Homes are made canonical first (a home may be reached through a symlink; its files are
  // hidden under both names). Null and a sentence in `error` for a bad pattern.
  static std::unique_ptr<Hiding> Create(std::span<const std::string> patterns,
                                        std::span<const std::string> homes, std::string& error);

  HiddenPaths& paths() { return *paths_; }
  HiddenInodes& inodes() { return inodes_; }
  HiddenFilesystems& filesystems() { return filesystems_; }
  LinkSearch& links() { return *links_; }

  // The state of a directory given by its absolute path; null when it, or a directory above
  // it, is hidden.
  const HiddenState* StateOfPath(std::string_view path, uint32_t mode);

  // Whether an entry is hidden by its name (of which `types` says what is) or its inode. Its
  // inode is remembered in the first case. File systems are not looked at.
  bool HidesEntry(HiddenTypes types, const GoferAttributes& attributes);

 private:
  Hiding() = default;

  std::unique_ptr<HiddenPaths> paths_;
  HiddenInodes inodes_;
  HiddenFilesystems filesystems_;
  std::unique_ptr<LinkSearch> links_;
};

}  // namespace ukrun::gofer
