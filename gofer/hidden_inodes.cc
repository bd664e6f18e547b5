#include "gofer/hidden_inodes.h"

#include <fcntl.h>

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

template <typename Visitor>
void ForEachEntry(int directory, Visitor visit) {
  std::vector<char> buffer(size_t{32} * 1024);
  while (true) {
    Result<size_t> size = ReadEntries(directory, buffer);
    if (!size.ok() || *size == 0) {
      return;
    }
    std::span<const char> records(buffer.data(), *size);
    while (!records.empty()) {
      RawEntry entry = NextEntry(records);
      if (ValidName(entry.name)) {
        visit(entry.name);
      }
    }
  }
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
      ForEachEntry(listing->get(), [&](std::string_view name) {
        if (paths.Continues(state, name)) {
          CollectEntry(paths, directory, path, state, name, depth);
        }
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
  if (IsRegular(a) && a.nlink > 1 && !contents_collected_.load(std::memory_order_acquire)) {
    CollectContents();
  }
  std::shared_lock guard(lock_);
  return known_.contains(Identity{a.dev, a.ino, a.btime_ns});
}

void HiddenInodes::CollectContents() {
  std::lock_guard guard(contents_lock_);
  if (contents_collected_.load(std::memory_order_relaxed)) {
    return;
  }
  size_t entries_left = kMostEntries;
  for (const std::string& directory : directories_) {
    CollectTree(directory, entries_left);
  }
  if (entries_left == 0) {
    DebugLog("hidden directories hold more than a million files; not all hard links are known");
  }
  contents_collected_.store(true, std::memory_order_release);
}

void HiddenInodes::CollectTree(const std::string& path, size_t& entries_left) {
  std::vector<std::string> waiting{path};
  while (!waiting.empty() && entries_left > 0) {
    std::string directory = std::move(waiting.back());
    waiting.pop_back();
    Result<HostFd> fd = OpenForReading(AT_FDCWD, directory.c_str());
    if (!fd.ok()) {
      continue;
    }
    ForEachEntry(fd->get(), [&](std::string_view name) {
      Result<GoferAttributes> attributes = StatEntry(fd->get(), CName(name).get());
      if (!attributes.ok() || entries_left == 0) {
        return;
      }
      --entries_left;
      if (IsDirectory(*attributes) && HasOrdinaryFiles(*attributes, fd->get(), CName(name))) {
        waiting.push_back(directory + "/" + std::string(name));
      } else if (IsRegular(*attributes) && attributes->nlink > 1) {
        Learn(*attributes);
      }
    });
  }
}

}  // namespace ukrun::gofer
