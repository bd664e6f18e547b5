// Which host files do not exist for the sandbox, whatever they are called: the inodes of
// hidden files. A hard link to a hidden file, a bind mount of a hidden directory and the
// target of a hidden symlink have other names, but are the same secret.
//
// What the patterns tie to a place is looked up at the start (Collect). The contents of
// hidden directories are read when the first file with several links is met, which is when
// they matter (CollectContents). Files hidden by floating patterns (`**/.env`) are learned
// when they are met, or found by a search (Learn, link_search.h).
//
// Synchronizes itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "gofer/hidden.h"
#include "gofer/hidden_filesystems.h"
#include "gofer/host_files.h"
#include "gofer/types.h"

namespace ukrun::gofer {

class HiddenInodes {
 public:
  // Looks up on the host what `paths` hides by place. Requires: called once, before others.
  // Both are used until the end.
  void Collect(HiddenPaths& paths, HiddenFilesystems& filesystems);
  void Learn(const GoferAttributes& attributes);
  bool Contains(const GoferAttributes& attributes);

  // Directories that CollectContents will read; Landlock has to leave them readable.
  const std::vector<std::string>& directories() const { return directories_; }

 private:
  // The birth time tells a file from a later one that was given the same number.
  struct Identity {
    uint64_t dev;
    uint64_t ino;
    int64_t btime_ns;
    bool operator==(const Identity&) const = default;
  };
  struct IdentityHash {
    size_t operator()(const Identity& id) const {
      return (id.ino * 0x9e3779b97f4a7c15) ^ id.dev ^ static_cast<uint64_t>(id.btime_ns);
    }
  };

  void CollectBelow(HiddenPaths& paths, int directory, const std::string& path,
                    const HiddenState* state, int depth);
  void CollectEntry(HiddenPaths& paths, int directory, const std::string& path,
                    const HiddenState* state, std::string_view name, int depth);
  bool HasOrdinaryFiles(const GoferAttributes& attributes, int directory, const CName& name);
  void CollectContents();
  void CollectTree(const std::string& path, size_t& entries_left);

  // Constant after Collect.
  std::vector<std::string> directories_;
  HiddenFilesystems* filesystems_ = nullptr;
  // Guarded by lock_.
  std::shared_mutex lock_;
  std::unordered_set<Identity, IdentityHash> known_;
  // Guarded by contents_lock_; the flag is also read without it.
  std::mutex contents_lock_;
  std::atomic<bool> contents_collected_{false};
};

}  // namespace ukrun::gofer
