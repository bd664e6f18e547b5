#include "sentry/fs/overlay/overlay.h"

#include <linux/magic.h>

#include "base/check.h"
#include "sentry/fs/overlay/overlay_directory.h"
#include "sentry/fs/overlay/overlay_regular.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// New files are numbered from here on; host file systems don't get that far.
constexpr uint64_t kFirstNewNumber = uint64_t{1} << 48;

RefPtr<TmpfsFileSystem> NewStore(MemoryBudget& budget) {
  TmpfsOptions options;
  options.budget = &budget;
  return TmpfsFileSystem::Create(options);
}

RefPtr<OverlayInode> MakeInode(OverlayFileSystem& file_system, uint32_t type,
                               RefPtr<LowerInode> lower, RefPtr<TmpfsInode> upper, uint64_t number,
                               OverlayDirectory* parent, std::string_view name) {
  switch (type) {
    case S_IFDIR:
      return MakeRef<OverlayDirectory>(file_system, std::move(lower), std::move(upper), number,
                                       parent, name);
    case S_IFREG:
      return MakeRef<OverlayRegular>(file_system, std::move(lower), std::move(upper), number,
                                     parent, name);
    default:
      return MakeRef<OverlayInode>(file_system, std::move(lower), std::move(upper), number, parent,
                                   name);
  }
}

}  // namespace

RefPtr<OverlayFileSystem> OverlayFileSystem::Create(RefPtr<FileSystem> lower,
                                                    MemoryBudget& budget) {
  auto overlay = RefPtr<OverlayFileSystem>::Adopt(new OverlayFileSystem(std::move(lower), budget));
  RefPtr<LowerInode> root = StaticRefCast<LowerInode>(overlay->lower_->root());
  Result<RefPtr<OverlayInode>> wrapped = overlay->Wrap(root, nullptr, "");
  UKRUN_CHECK(wrapped.ok() && (*wrapped)->type() == S_IFDIR);
  overlay->root_ = StaticRefCast<OverlayDirectory>(*wrapped);
  return overlay;
}

OverlayFileSystem::OverlayFileSystem(RefPtr<FileSystem> lower, MemoryBudget& budget)
    : lower_(std::move(lower)), store_(NewStore(budget)), device_(NewDeviceNumber()) {}

// Piece by piece, as a deep tree that frees itself would not fit on a kernel stack.
OverlayFileSystem::~OverlayFileSystem() {
  std::vector<RefPtr<OverlayInode>> left;
  for (auto& [number, inode] : std::exchange(linked_.Lock()->changed, {})) {
    left.push_back(std::move(inode));
  }
  if (root_) {
    left.push_back(std::move(root_));
  }
  while (!left.empty()) {
    RefPtr<OverlayInode> inode = std::move(left.back());
    left.pop_back();
    if (inode->type() == S_IFDIR) {
      for (RefPtr<OverlayInode>& child : static_cast<OverlayDirectory&>(*inode).TakeAll()) {
        left.push_back(std::move(child));
      }
    }
  }
}

RefPtr<Inode> OverlayFileSystem::root() { return root_; }

Result<FileSystemStatistics> OverlayFileSystem::Statistics() {
  FileSystemStatistics statistics = TRY(store_->Statistics());
  statistics.type = OVERLAYFS_SUPER_MAGIC;
  return statistics;
}

// --- Inodes -----------------------------------------------------------------------------------

Result<RefPtr<OverlayInode>> OverlayFileSystem::Wrap(RefPtr<LowerInode> lower,
                                                     OverlayDirectory* parent,
                                                     std::string_view name) {
  Attributes attributes = TRY(lower->GetAttributes());
  uint64_t number = attributes.inode_number;
  uint32_t type = lower->type();
  if (type != S_IFREG || attributes.link_count < 2) {
    return MakeInode(*this, type, std::move(lower), nullptr, number, parent, name);
  }
  // All names of a file lead to one inode while that is known, and for good once it has
  // been changed.
  RefPtr<OverlayInode> fresh =
      MakeInode(*this, type, std::move(lower), nullptr, number, parent, name);
  auto linked = linked_.Lock();
  auto known = linked->known.find(number);
  if (known != linked->known.end() && known->second->TryRef()) {
    return RefPtr<OverlayInode>::Adopt(known->second);
  }
  linked->known.insert_or_assign(number, fresh.get());
  fresh->SetLinked();
  return fresh;
}

Result<RefPtr<OverlayInode>> OverlayFileSystem::NewUpper(const NewInode& what) {
  RefPtr<TmpfsInode> upper = TRY(TmpfsInode::Create(*store_, what));
  uint64_t number = kFirstNewNumber + upper->number();
  uint32_t type = upper->type();
  return MakeInode(*this, type, nullptr, std::move(upper), number, nullptr, "");
}

void OverlayFileSystem::KeepLinked(OverlayInode& inode) {
  auto linked = linked_.Lock();
  linked->changed.try_emplace(inode.number(), RefPtr<OverlayInode>::Share(&inode));
}

void OverlayFileSystem::ForgetLinked(const OverlayInode& inode) {
  auto linked = linked_.Lock();
  auto it = linked->known.find(inode.number());
  if (it != linked->known.end() && it->second == &inode) {
    linked->known.erase(it);
  }
}

// --- What has changed -------------------------------------------------------------------------

uint64_t OverlayFileSystem::ChangedFiles() {
  uint64_t count = 0;
  std::vector<RefPtr<OverlayInode>> left = {root_};
  while (!left.empty()) {
    RefPtr<OverlayInode> directory = std::move(left.back());
    left.pop_back();
    for (auto& [name, entry] : static_cast<OverlayDirectory&>(*directory).Entries()) {
      if (!entry.inode || entry.inode->is_changed() || entry.inode->is_moved()) {
        ++count;
      }
      if (entry.inode && entry.inode->type() == S_IFDIR) {
        left.push_back(std::move(entry.inode));
      }
    }
  }
  return count;
}

void OverlayFileSystem::ForgetChangesSoFar() {
  std::vector<RefPtr<OverlayInode>> left = {root_};
  while (!left.empty()) {
    RefPtr<OverlayInode> inode = std::move(left.back());
    left.pop_back();
    inode->SetUnchanged();
    if (inode->type() == S_IFDIR) {
      for (auto& [name, entry] : static_cast<OverlayDirectory&>(*inode).Entries()) {
        if (entry.inode) {
          left.push_back(std::move(entry.inode));
        }
      }
    }
  }
}

}  // namespace ukrun
