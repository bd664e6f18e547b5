// Which host files do not exist for the sandbox, whatever they are called: the inodes of
// hidden files. A hard link to a hidden file, a bind mount of a hidden directory and the
// target of a hidden symlink have other names, but are the same secret.
//
// What the patterns tie to a place is looked up at the start (Collect). The contents of
// hidden directories are looked at when the first file with several links is met, which is
// when they matter: first the mere numbers of what is there (CollectNumbers), since most such
// files have nothing to do with them; their attributes only once a number fits
// (CollectContents). Files hidden by floating patterns (`**/.env`) are learned
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
  bool MayBeContents(const GoferAttributes& attributes);
  void CollectNumbers();
  void CollectContents();
  void CollectAttributes();  // Requires: contents_lock_ held.
  // Calls enter(descriptor) for each hidden directory and visit(descriptor, entry) for what is
  // in it; descends where that returns true. False: there was more than kMostEntries.
  template <typename Enter, typename Visitor>
  bool ForAllContents(Enter enter, Visitor visit) const;

  // Constant after Collect.
  std::vector<std::string> directories_;
  HiddenFilesystems* filesystems_ = nullptr;
  // Guarded by lock_.
  std::shared_mutex lock_;
  std::unordered_set<Identity, IdentityHash> known_;
  // Guarded by contents_lock_; the stage is also read without it, and the numbers are constant
  // from kNumbers on.
  enum class Stage : uint8_t { kNothing, kNumbers, kAttributes };
  std::mutex contents_lock_;
  std::atomic<Stage> stage_{Stage::kNothing};
  std::unordered_set<uint64_t> numbers_;
};

}  // namespace ukrun::gofer
