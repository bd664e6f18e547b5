#include "sentry/fs/host/memory_names.h"

#include <optional>
#include <vector>

#include "base/format.h"

namespace ukrun {
namespace {

// Far from the numbers that host file systems give, under whose device these are shown.
constexpr uint64_t kFirstNumber = uint64_t{1} << 48;

RefPtr<TmpfsFileSystem> NewStore(uint64_t device, MemoryBudget* budget) {
  if (budget == nullptr) {
    return nullptr;
  }
  TmpfsOptions options;
  options.budget = budget;
  options.device = device;
  options.first_inode_number = kFirstNumber;
  return TmpfsFileSystem::Create(options);
}

// The part of `path` behind `prefix`, where that is the path itself or above it.
std::optional<std::string_view> Below(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) {
    return std::nullopt;
  }
  path.remove_prefix(prefix.size());
  return path.empty() || path.front() == '/' ? std::optional(path) : std::nullopt;
}

}  // namespace

MemoryNames::MemoryNames(uint64_t device, MemoryBudget* budget)
    : store_(NewStore(device, budget)) {}

RefPtr<TmpfsDirectory> MemoryNames::Find(const HostFileKey& directory) const {
  if (!used_.load(std::memory_order_acquire)) {
    return nullptr;
  }
  auto state = state_.Lock();
  auto it = state->places.find(directory);
  return it == state->places.end() ? nullptr : it->second.names;
}

Result<RefPtr<TmpfsDirectory>> MemoryNames::FindOrMake(const HostFileKey& directory,
                                                       std::string path) {
  if (RefPtr<TmpfsDirectory> found = Find(directory)) {
    return found;
  }
  if (!store_) {
    return Fail(EACCES);
  }
  std::string name = Format("{}", state_.Lock()->next_number++);
  NewInode what;
  what.mode = S_IFDIR | 0700;
  RefPtr<Inode> made = TRY(store_->root()->Make(name, what));
  Place place{StaticRefCast<TmpfsDirectory>(made), name, std::move(path)};
  // Counts subdirectories only, as these names are shown in another directory.
  place.names->AdjustLinkCount(-2);
  // The caller holds the directory's lock, so nobody else makes it meanwhile.
  RefPtr<TmpfsDirectory> names = place.names;
  state_.Lock()->places.insert_or_assign(directory, std::move(place));
  used_.store(true, std::memory_order_release);
  return names;
}

void MemoryNames::DirectoryRemoved(const HostFileKey& directory) {
  if (!used_.load(std::memory_order_acquire)) {
    return;
  }
  auto state = state_.Lock();
  auto node = state->places.extract(directory);
  state.Unlock();
  if (!node.empty()) {
    Place& place = node.mapped();
    // It is empty, or the host's directory could not have been removed.
    static_cast<void>(store_->root()->Remove(place.store_name, *place.names));
  }
}

void MemoryNames::DirectoryMoved(std::string_view old_path, std::string_view new_path,
                                 RenameMode mode) {
  if (!used_.load(std::memory_order_acquire)) {
    return;
  }
  auto state = state_.Lock();
  for (auto& [key, place] : state->places) {
    if (auto rest = Below(place.path, old_path)) {
      place.path = std::string(new_path) + std::string(*rest);
    } else if (auto back = Below(place.path, new_path); back && mode == RenameMode::kExchange) {
      place.path = std::string(old_path) + std::string(*back);
    }
  }
}

Result<LayerChanges> MemoryNames::CollectChanges() const {
  struct Visit {
    RefPtr<TmpfsDirectory> directory;
    std::string path;  // ends with a slash, but for the root
  };
  std::vector<Visit> left;
  {
    auto state = state_.Lock();
    for (const auto& [key, place] : state->places) {
      left.push_back(Visit{place.names, place.path.empty() ? "" : place.path + "/"});
    }
  }
  LayerChanges changes;
  while (!left.empty()) {
    Visit visit = std::move(left.back());
    left.pop_back();
    uint64_t position = ListedDirectory::kFirstPosition;
    for (;;) {
      std::vector<ListedEntry> entries = TRY(visit.directory->List(position));
      if (entries.empty()) {
        break;
      }
      position = entries.back().next;
      for (const ListedEntry& entry : entries) {
        RefPtr<Inode> inode = TRY(visit.directory->Lookup(entry.name, ""));
        LayerChange change;
        change.path = visit.path + entry.name;
        if (inode->type() == S_IFDIR) {
          left.push_back(Visit{StaticRefCast<TmpfsDirectory>(inode), change.path + "/"});
        } else if (inode->type() == S_IFREG) {
          change.above = StaticRefCast<TmpfsRegular>(inode);
        }
        change.inode = std::move(inode);
        changes.present.push_back(std::move(change));
      }
    }
  }
  return changes;
}

}  // namespace ukrun
