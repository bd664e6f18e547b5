#include "sentry/fs/host/host_file_system.h"

#include <time.h>

#include <algorithm>

#include "base/host_call.h"
#include "sentry/fs/host/host_directory.h"
#include "sentry/fs/host/host_inode.h"
#include "sentry/fs/host/host_regular.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr size_t kMostDescriptors = 2000;
constexpr uint32_t kMostPins = 4000;
constexpr size_t kMostPrimed = 16 * 1024;
// Inode numbers of the first host file system stay as they are; those of others (mounted
// below the attach point) get the index of their file system in the upper bits, as all are
// shown under one st_dev.
constexpr unsigned kDeviceIndexShift = 52;

bool HasManyNames(const GoferAttributes& attributes) {
  return IsRegularMode(attributes.mode) && attributes.nlink > 1;
}

}  // namespace

HostFileSystem::HostFileSystem(GoferClient& client, const HostIdentity& identity, bool writable,
                               MemoryBudget* budget)
    : client_(client),
      identity_(identity),
      writable_(writable),
      device_(NewDeviceNumber()),
      descriptors_(kMostDescriptors),
      memory_names_(device_, budget) {}

Result<RefPtr<FileSystem>> HostFileSystem::Create(GoferClient& client, uint32_t attach,
                                                  const HostIdentity& identity, bool writable,
                                                  MemoryBudget* budget) {
  GoferNode root = TRY(client.Attach(attach));
  auto file_system =
      RefPtr<HostFileSystem>::Adopt(new HostFileSystem(client, identity, writable, budget));
  file_system->root_ = file_system->Intern(root);
  return RefPtr<FileSystem>(file_system);
}

HostFileSystem::~HostFileSystem() {
  // Directories that are kept only for what they know.
  Primed primed;
  std::swap(*primed_.Lock(), primed);
  for (auto& [directory, count] : primed.queue) {
    if (directory) {
      directory->DropPrimed();
    }
  }
  primed.queue.clear();
  root_.Reset();  // while the tables that inodes leave are there
}

RefPtr<Inode> HostFileSystem::root() { return root_; }

Result<FileSystemStatistics> HostFileSystem::Statistics() {
  GoferStatFs host =
      TRY(root_->WithHandle([&](GoferHandle handle) { return client_.StatFs(handle); }));
  FileSystemStatistics statistics;
  statistics.type = static_cast<int64_t>(host.type);
  statistics.block_size = host.block_size;
  statistics.blocks = host.blocks;
  statistics.blocks_free = host.blocks_free;
  statistics.blocks_available = host.blocks_available;
  statistics.files = host.files;
  statistics.files_free = host.files_free;
  statistics.name_limit = host.name_max;
  return statistics;
}

// --- Inodes -----------------------------------------------------------------------------------

RefPtr<HostInode> HostFileSystem::FindLocked(Inodes& inodes, const GoferNode& node) {
  uint64_t handle = static_cast<uint64_t>(node.handle);
  auto by_handle = inodes.by_handle.find(handle);
  if (by_handle != inodes.by_handle.end() && by_handle->second->TryRef()) {
    return RefPtr<HostInode>::Adopt(by_handle->second);
  }
  if (HasManyNames(node.attributes)) {
    auto by_file = inodes.by_file.find(HostFileKey(node.attributes));
    if (by_file != inodes.by_file.end() && by_file->second->TryRef()) {
      inodes.by_handle.insert_or_assign(handle, by_file->second);
      return RefPtr<HostInode>::Adopt(by_file->second);
    }
  }
  return nullptr;
}

RefPtr<HostInode> HostFileSystem::MakeInode(const GoferNode& node) {
  switch (node.attributes.mode & S_IFMT) {
    case S_IFDIR:
      return MakeRef<HostDirectory>(*this, node);
    case S_IFREG:
      return MakeRef<HostRegular>(*this, node);
    default:
      return MakeRef<HostInode>(*this, node);
  }
}

RefPtr<HostInode> HostFileSystem::Intern(const GoferNode& node) {
  RefPtr<HostInode> inode = FindLocked(*inodes_.Lock(), node);
  if (!inode) {
    // Made without the lock, which its constructor also needs.
    RefPtr<HostInode> fresh = MakeInode(node);
    auto inodes = inodes_.Lock();
    inode = FindLocked(*inodes, node);
    if (!inode) {
      inodes->by_handle.insert_or_assign(static_cast<uint64_t>(node.handle), fresh.get());
      if (HasManyNames(node.attributes)) {
        inodes->by_file.insert_or_assign(fresh->key(), fresh.get());
      }
      return fresh;
    }
    inodes.Unlock();
    // Another thread was faster: its inode gets the handle.
    fresh->DropHandles();
  }
  inode->Learn(node);
  return inode;
}

void HostFileSystem::Adopt(const GoferNode& node, HostInode& inode) {
  {
    auto inodes = inodes_.Lock();
    inodes->by_handle.insert_or_assign(static_cast<uint64_t>(node.handle), &inode);
    inodes->by_file.insert_or_assign(inode.key(), &inode);
  }
  inode.Learn(node);
}

void HostFileSystem::Forget(const HostInode& inode, const std::vector<GoferHandle>& handles) {
  auto inodes = inodes_.Lock();
  for (GoferHandle handle : handles) {
    auto it = inodes->by_handle.find(static_cast<uint64_t>(handle));
    if (it != inodes->by_handle.end() && it->second == &inode) {
      inodes->by_handle.erase(it);
    }
  }
  auto it = inodes->by_file.find(inode.key());
  if (it != inodes->by_file.end() && it->second == &inode) {
    inodes->by_file.erase(it);
  }
}

uint64_t HostFileSystem::InodeNumber(uint64_t host_device, uint64_t host_number) {
  auto devices = host_devices_.Lock();
  auto it = std::find(devices->begin(), devices->end(), host_device);
  uint64_t index = static_cast<uint64_t>(it - devices->begin());
  if (it == devices->end()) {
    devices->push_back(host_device);
  }
  return host_number ^ (index << kDeviceIndexShift);
}

Attributes HostFileSystem::Translate(const GoferAttributes& from) {
  Attributes attributes;
  attributes.device = device_;
  attributes.inode_number = InodeNumber(from.dev, from.ino);
  attributes.mode = from.mode;
  attributes.link_count = from.nlink;
  attributes.uid = from.uid;
  attributes.gid = from.gid;
  attributes.special_device = from.rdev;
  attributes.size = from.size;
  attributes.blocks = from.blocks;
  attributes.block_size = from.block_size != 0 ? from.block_size : 4096;
  attributes.access_time_ns = from.atime_ns;
  attributes.modify_time_ns = from.mtime_ns;
  attributes.change_time_ns = from.ctime_ns;
  attributes.birth_time_ns = from.btime_ns;
  ShowOwner(attributes);
  return attributes;
}

void HostFileSystem::ShowOwner(Attributes& attributes) const {
  if (attributes.uid == identity_.host_uid) {
    attributes.uid = identity_.uid;
  }
  if (attributes.gid == identity_.host_gid) {
    attributes.gid = identity_.gid;
  }
}

GoferOwner HostFileSystem::HostOwner(uint32_t uid, uint32_t gid) const {
  return GoferOwner{uid == identity_.uid ? identity_.host_uid : uid,
                    gid == identity_.gid ? identity_.host_gid : gid};
}

GoferOwner HostFileSystem::OwnerOfNew(uint32_t uid, uint32_t gid) const {
  return GoferOwner{uid == identity_.uid ? GoferOwner::kUnchanged : uid,
                    gid == identity_.gid ? GoferOwner::kUnchanged : gid};
}

// --- Bounds -----------------------------------------------------------------------------------

void HostFileSystem::NotePrimed(HostDirectory& directory, size_t count) {
  std::vector<RefPtr<HostDirectory>> dropped;
  {
    auto primed = primed_.Lock();
    primed->queue.emplace_back(RefPtr<HostDirectory>::Share(&directory), count);
    primed->total += count;
    while (primed->total > kMostPrimed && primed->first + 1 < primed->queue.size()) {
      auto& oldest = primed->queue[primed->first++];
      primed->total -= oldest.second;
      dropped.push_back(std::move(oldest.first));
    }
    if (primed->first > primed->queue.size() / 2) {
      auto end = primed->queue.begin() + static_cast<std::ptrdiff_t>(primed->first);
      primed->queue.erase(primed->queue.begin(), end);
      primed->first = 0;
    }
  }
  for (RefPtr<HostDirectory>& old : dropped) {
    old->DropPrimed();
  }
}

bool HostFileSystem::TryPin() {
  if (pins_.fetch_add(1, std::memory_order_relaxed) >= kMostPins) {
    Unpin();
    return false;
  }
  return true;
}

int64_t HostFileSystem::Now() const { return writable_ ? HostClockNs(CLOCK_MONOTONIC_COARSE) : 0; }

bool HostFileSystem::IsFresh(int64_t learned_ns) const {
  return !writable_ || Now() - learned_ns < kLifetimeNs;
}

}  // namespace ukrun
