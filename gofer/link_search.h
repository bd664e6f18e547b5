// Finds hidden files that have other names: a hard link to `.env` is as secret as `.env`.
//
// What the patterns hide by place is known from the start (hidden_inodes.h). A pattern that
// floats (`**/.env`) may match anywhere, so nobody knows its files before they are met; and
// whoever meets the other name first would read the secret. Therefore the first regular file
// with several names that is met in a tree has the whole tree searched, once, for hidden
// names. Which trees: those that a sandbox works in (attach points but "/", and the working
// directory), not the whole host. Files with one name, the most by far, cost nothing.
//
// Synchronizes itself.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gofer/hidden.h"
#include "gofer/hidden_inodes.h"
#include "gofer/host_files.h"

namespace ukrun::gofer {

class LinkSearch {
 public:
  // Both are used until the end.
  LinkSearch(HiddenPaths& paths, HiddenInodes& inodes) : paths_(paths), inodes_(inodes) {}

  // An absolute path without symlinks; `state` is the directory's.
  // Requires: called before calls come.
  void AddTree(std::string path, const HiddenState* state);
  // Whether FileMet may still have something to do.
  bool waiting() const { return waiting_.load(std::memory_order_acquire) > 0; }
  // A regular file with several names was met in this directory. When this returns, hidden
  // names in its tree are known to HiddenInodes.
  void FileMet(std::string_view directory);

 private:
  struct SearchedTree {
    std::string path;
    const HiddenState* state = nullptr;
    HostFd root;
    uint64_t device = 0;
    std::mutex lock;  // held over the search, so that others wait for its result
    bool searched = false;
  };
  struct Place {
    std::string path;          // from the tree's root
    const HiddenState* state;  // null: hidden, so is everything below
  };

  void Search(const SearchedTree& tree);
  void SearchDirectory(const SearchedTree& tree, const Place& place, std::vector<Place>& next,
                       size_t& entries_left);
  void SearchEntry(int directory, const Place& place, const RawEntry& entry,
                   std::vector<Place>& next);

  HiddenPaths& paths_;
  HiddenInodes& inodes_;
  std::vector<std::unique_ptr<SearchedTree>> trees_;
  std::atomic<size_t> waiting_{0};  // trees that were not searched yet
};

}  // namespace ukrun::gofer
