#include "gofer/hidden_inodes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/vfs.h>

#include <algorithm>

#include "gofer/debug_log.h"
#include "gofer/host_files.h"

namespace ukrun::gofer {
namespace {

// More than a person keeps in hidden directories; a bound on time, not a limit of safety
// for what is hidden by name.
constexpr size_t kMostEntries = 1'000'000;
constexpr int kDeepestPattern = 64;
constexpr size_t kFewNames = 32;

Result<HostFd> OpenForReading(int directory, const char* path) {
  int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  return fd >= 0 ? Result<HostFd>(HostFd(fd)) : Result<HostFd>(Fail(errno));
}

// Whether a directory gives its entries the numbers that their attributes have: not so where
// file systems are stacked (overlay, network, FUSE).
bool NumbersAgree(int directory) {
  constexpr uint32_t kAgree[] = {0xef53 /* ext4 */, 0x58465342 /* xfs */, 0x9123683e /* btrfs */,
                                 0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */};
  struct statfs fs;
  return fstatfs(directory, &fs) == 0 &&
         std::find(std::begin(kAgree), std::end(kAgree), static_cast<uint32_t>(fs.f_type)) !=
             std::end(kAgree);
}

}  // namespace

void HiddenInodes::Collect(HiddenPaths& paths, HiddenFilesystems& filesystems) {
  filesystems_ = &filesystems;
  Result<HostFd> root = OpenForReading(AT_FDCWD, "/");
  if (root.ok()) {
    CollectBelow(paths, root->get(), "", paths.root(), 0);
  }
}

void HiddenInodes::CollectBelow(HiddenPaths& paths, int directory, const std::string& path,
                                const HiddenState* state, int depth) {
  std::vector<HiddenPaths::Continuation> continuations = paths.ContinuationsOf(state);
  bool has_globs = std::any_of(continuations.begin(), continuations.end(),
                               [](const auto& continuation) { return continuation.is_glob; });
  if (has_globs || continuations.size() > kFewNames) {
    // Reading the directory costs less than asking for hundreds of names that aren't there.
    if (Result<HostFd> listing = OpenDirectory(directory); listing.ok()) {
      ForEachEntry(listing->get(), [&](const RawEntry& entry) {
        if (paths.Continues(state, entry.name)) {
          CollectEntry(paths, directory, path, state, entry.name, depth);
        }
        return true;
      });
      return;
    }
  }
  for (const auto& [name, is_glob] : continuations) {
    if (!is_glob) {
      CollectEntry(paths, directory, path, state, name, depth);
    }
  }
}

void HiddenInodes::CollectEntry(HiddenPaths& paths, int directory, const std::string& path,
                                const HiddenState* state, std::string_view name, int depth) {
  if (!ValidName(name) || depth > kDeepestPattern) {
    return;
  }
  CName c_name(name);
  Result<GoferAttributes> attributes = StatEntry(directory, c_name.get());
  if (!attributes.ok()) {
    return;
  }
  std::string entry_path = path + "/" + std::string(name);
  if (paths.Match(state, name).Hides(attributes->mode)) {
    if (IsSymlink(*attributes)) {
      // What a hidden symlink leads to is as secret as the symlink.
      struct stat unused;
      HostFd target(open(entry_path.c_str(), O_PATH | O_CLOEXEC));
      if (target.valid() && fstat(target.get(), &unused) == 0) {
        if (Result<GoferAttributes> there = StatDescriptor(target.get()); there.ok()) {
          Learn(*there);
        }
      }
      return;
    }
    Learn(*attributes);
    if (IsDirectory(*attributes) && HasOrdinaryFiles(*attributes, directory, c_name)) {
      directories_.push_back(entry_path);
    }
    return;
  }
  if (!IsDirectory(*attributes)) {
    return;
  }
  const HiddenState* below = paths.Step(state, name);
  if (paths.ContinuationsOf(below).empty()) {
    return;
  }
  if (Result<HostFd> child = OpenPath(directory, c_name.get()); child.ok()) {
    CollectBelow(paths, child->get(), entry_path, below, depth + 1);
  }
}

// False for directories of /proc and the like: nothing there can be linked elsewhere.
bool HiddenInodes::HasOrdinaryFiles(const GoferAttributes& attributes, int directory,
                                    const CName& name) {
  auto known = filesystems_->Lookup(attributes.dev);
  if (known != HiddenFilesystems::Known::kUnknown) {
    return known == HiddenFilesystems::Known::kVisible;
  }
  Result<HostFd> fd = OpenPath(directory, name.get());
  return fd.ok() && !filesystems_->Hides(attributes.dev, fd->get());
}

void HiddenInodes::Learn(const GoferAttributes& a) {
  std::unique_lock guard(lock_);
  known_.insert(Identity{a.dev, a.ino, a.btime_ns});
}

bool HiddenInodes::Contains(const GoferAttributes& a) {
  if (IsRegular(a) && a.nlink > 1 && MayBeContents(a)) {
    CollectContents();
  }
  std::shared_lock guard(lock_);
  return known_.contains(Identity{a.dev, a.ino, a.btime_ns});
}

// Whether the contents' attributes have to be known to tell.
bool HiddenInodes::MayBeContents(const GoferAttributes& a) {
  Stage stage = stage_.load(std::memory_order_acquire);
  if (stage == Stage::kNothing) {
    CollectNumbers();
    stage = stage_.load(std::memory_order_acquire);
  }
  return stage == Stage::kNumbers && numbers_.contains(a.ino);
}

template <typename Enter, typename Visitor>
bool HiddenInodes::ForAllContents(Enter enter, Visitor visit) const {
  size_t entries_left = kMostEntries;
  std::vector<std::string> waiting = directories_;
  while (!waiting.empty()) {
    std::string directory = std::move(waiting.back());
    waiting.pop_back();
    Result<HostFd> fd = OpenForReading(AT_FDCWD, directory.c_str());
    if (!fd.ok()) {
      continue;
    }
    enter(fd->get());
    ForEachEntry(fd->get(), [&](const RawEntry& entry) {
      if (!ValidName(entry.name)) {
        return true;
      }
      --entries_left;
      if (visit(fd->get(), entry)) {
        waiting.push_back(directory + "/" + std::string(entry.name));
      }
      return entries_left > 0;
    });
    if (entries_left == 0) {
      return false;
    }
  }
  return true;
}

void HiddenInodes::CollectNumbers() {
  std::lock_guard guard(contents_lock_);
  if (stage_.load(std::memory_order_relaxed) != Stage::kNothing) {
    return;
  }
  // Where a directory does not tell its entries' types, or numbers of another kind than their
  // attributes, numbers are of no use.
  bool agree = true;
  bool complete = ForAllContents([&](int directory) { agree = agree && NumbersAgree(directory); },
                                 [&](int, const RawEntry& entry) {
                                   agree = agree && entry.type != DT_UNKNOWN;
                                   numbers_.insert(entry.ino);
                                   return agree && entry.type == DT_DIR;
                                 });
  if (agree && complete) {
    stage_.store(Stage::kNumbers, std::memory_order_release);
  } else {
    CollectAttributes();
  }
}

void HiddenInodes::CollectContents() {
  std::lock_guard guard(contents_lock_);
  if (stage_.load(std::memory_order_relaxed) != Stage::kAttributes) {
    CollectAttributes();
  }
}

void HiddenInodes::CollectAttributes() {
  bool complete = ForAllContents(
      [](int) {},
      [&](int directory, const RawEntry& entry) {
        CName name(entry.name);
        Result<GoferAttributes> attributes = StatEntry(directory, name.get());
        if (!attributes.ok()) {
          return false;
        }
        if (IsRegular(*attributes) && attributes->nlink > 1) {
          Learn(*attributes);
        }
        return IsDirectory(*attributes) && HasOrdinaryFiles(*attributes, directory, name);
      });
  if (!complete) {
    DebugLog("hidden directories hold more than a million files; not all hard links are known");
  }
  stage_.store(Stage::kAttributes, std::memory_order_release);
}

}  // namespace ukrun::gofer
