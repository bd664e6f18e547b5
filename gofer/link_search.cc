#include "gofer/link_search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "gofer/debug_log.h"
#include "gofer/host_files.h"

namespace ukrun::gofer {
namespace {

// A bound on time: a quarter of a second where the host's caches are warm. Directories near
// the root of the tree come first, and that is where such files are.
constexpr size_t kMostEntries = 300'000;

bool IsAtOrBelow(std::string_view path, std::string_view above) {
  return path.starts_with(above) &&
         (path.size() == above.size() || above.ends_with('/') || path[above.size()] == '/');
}

Result<HostFd> OpenRoot(const std::string& path) {
  HostFd fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return fd.valid() ? Result<HostFd>(std::move(fd)) : Fail(errno);
}

}  // namespace

void LinkSearch::AddTree(std::string path, const HiddenState* state) {
  auto is_same = [&path](const auto& tree) { return tree->path == path; };
  if (std::any_of(trees_.begin(), trees_.end(), is_same)) {
    return;
  }
  Result<HostFd> root = OpenRoot(path);
  Result<GoferAttributes> attributes = root.ok() ? StatDescriptor(root->get()) : root.failure();
  if (!attributes.ok()) {
    return;
  }
  auto tree = std::make_unique<SearchedTree>();
  tree->path = std::move(path);
  tree->state = state;
  tree->root = *std::move(root);
  tree->device = attributes->dev;
  trees_.push_back(std::move(tree));
  waiting_.fetch_add(1, std::memory_order_release);
}

void LinkSearch::FileMet(std::string_view directory) {
  for (const auto& tree : trees_) {
    if (!IsAtOrBelow(directory, tree->path)) {
      continue;
    }
    std::lock_guard guard(tree->lock);
    if (!tree->searched) {
      Search(*tree);
      tree->searched = true;
      waiting_.fetch_sub(1, std::memory_order_release);
    }
  }
}

// Level by level.
void LinkSearch::Search(const SearchedTree& tree) {
  size_t entries_left = kMostEntries;
  std::vector<Place> level = {Place{".", tree.state}};
  while (!level.empty() && entries_left > 0) {
    std::vector<Place> next;
    for (const Place& place : level) {
      SearchDirectory(tree, place, next, entries_left);
    }
    level = std::move(next);
  }
  if (entries_left == 0) {
    DebugLog(tree.path + " is large; not all hard links to hidden files in it are known");
  }
}

void LinkSearch::SearchDirectory(const SearchedTree& tree, const Place& place,
                                 std::vector<Place>& next, size_t& entries_left) {
  Result<HostFd> fd =
      OpenEntry(tree.root.get(), place.path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
  Result<GoferAttributes> own = fd.ok() ? StatDescriptor(fd->get()) : fd.failure();
  // Other file systems mounted in the tree are left out: no file there has a name here.
  if (!own.ok() || own->dev != tree.device) {
    return;
  }
  ForEachEntry(fd->get(), [&](const RawEntry& entry) {
    if (entries_left == 0) {
      return false;
    }
    --entries_left;
    if (ValidName(entry.name)) {
      SearchEntry(fd->get(), place, entry, next);
    }
    return true;
  });
}

// Most entries are passed by their names.
void LinkSearch::SearchEntry(int directory, const Place& place, const RawEntry& entry,
                             std::vector<Place>& next) {
  HiddenTypes types =
      place.state == nullptr ? HiddenTypes::Everything() : paths_.Match(place.state, entry.name);
  bool is_directory = entry.type == DT_DIR;
  bool may_be_hidden_file = entry.type == DT_REG && types.Hides(S_IFREG);
  if (may_be_hidden_file || entry.type == DT_UNKNOWN) {
    Result<GoferAttributes> found = StatEntry(directory, CName(entry.name).get());
    if (!found.ok()) {
      return;
    }
    if (IsRegular(*found) && found->nlink > 1 && types.Hides(S_IFREG)) {
      inodes_.Learn(*found);
    }
    is_directory = IsDirectory(*found);
  }
  if (is_directory) {
    const HiddenState* below =
        types.Hides(S_IFDIR) ? nullptr : paths_.Step(place.state, entry.name);
    next.push_back(Place{place.path + "/" + std::string(entry.name), below});
  }
}

}  // namespace ukrun::gofer
