// The host's files, as the gofer serves them: one attach point, as a file system.
//
// A tree that is read-only for the sandbox (also the one below the overlay) is taken to
// stand still: what was learned about names and attributes is believed until it is
// evicted. In a writable tree the host and the sandbox work together, so everything is
// asked again after a moment.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "base/locked.h"
#include "gofer/client.h"
#include "sentry/fs/host/descriptor_cache.h"
#include "sentry/fs/host/memory_names.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class HostDirectory;
class HostInode;

// Files of the caller's are shown as the guest user's.
struct HostIdentity {
  uint32_t host_uid = 0;
  uint32_t host_gid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

class HostFileSystem final : public FileSystem {
 public:
  // `client` must outlive the file system. The root of an attach point may be a single file.
  // What a writable tree cannot give to the host is kept in memory, as far as `budget` goes.
  // Errors: those of the gofer (ENOENT: no such path, or it is hidden).
  static Result<RefPtr<FileSystem>> Create(GoferClient& client, uint32_t attach,
                                           const HostIdentity& identity, bool writable,
                                           MemoryBudget* budget = nullptr);
  ~HostFileSystem() override;

  std::string_view type_name() const override { return "hostfs"; }
  RefPtr<Inode> root() override;
  Result<FileSystemStatistics> Statistics() override;
  // In a writable tree names come and go by the host's hand too.
  CacheNames cache_names() const override { return writable_ ? CacheNames::kNo : CacheNames::kYes; }

  // --- For its inodes.
  GoferClient& client() { return client_; }
  bool writable() const { return writable_; }
  uint64_t device() const { return device_; }
  DescriptorCache& descriptors() { return descriptors_; }
  MemoryNames& memory_names() { return memory_names_; }

  // The inode for what the gofer named, whose handle is taken over: one object for one
  // file, also when it has several names.
  RefPtr<HostInode> Intern(const GoferNode& node);
  // `node` is known to be `inode`, which has got another name.
  void Adopt(const GoferNode& node, HostInode& inode);
  void Forget(const HostInode& inode, const std::vector<GoferHandle>& handles);

  Attributes Translate(const GoferAttributes& from);
  void ShowOwner(Attributes& attributes) const;
  GoferOwner HostOwner(uint32_t uid, uint32_t gid) const;
  // For new files: the gofer's user owns what it makes.
  GoferOwner OwnerOfNew(uint32_t uid, uint32_t gid) const;
  uint64_t InodeNumber(uint64_t host_device, uint64_t host_number);

  // Directories keep what a listing or a long walk told them in advance; here it is
  // bounded. Takes note of `count` entries more.
  void NotePrimed(HostDirectory& directory, size_t count);
  // Whether an open file may keep its descriptor for itself.
  bool TryPin();
  void Unpin() { pins_.fetch_sub(1, std::memory_order_relaxed); }

  // How long attributes and names of a writable tree are believed.
  static constexpr int64_t kLifetimeNs = 100'000'000;
  // CLOCK_MONOTONIC; 0 where nothing expires.
  int64_t Now() const;
  bool IsFresh(int64_t learned_ns) const;

 private:
  // Inodes take themselves out when they die.
  struct Inodes {
    std::unordered_map<uint64_t, HostInode*> by_handle;
    std::map<HostFileKey, HostInode*> by_file;  // regular files with several names
  };
  struct Primed {
    std::vector<std::pair<RefPtr<HostDirectory>, size_t>> queue;
    size_t first = 0;
    size_t total = 0;
  };

  HostFileSystem(GoferClient& client, const HostIdentity& identity, bool writable,
                 MemoryBudget* budget);
  // Null when there is none.
  static RefPtr<HostInode> FindLocked(Inodes& inodes, const GoferNode& node);
  RefPtr<HostInode> MakeInode(const GoferNode& node);

  // Constant after construction.
  GoferClient& client_;
  const HostIdentity identity_;
  const bool writable_;
  const uint64_t device_;
  RefPtr<HostInode> root_;

  // Synchronize themselves.
  DescriptorCache descriptors_;
  MemoryNames memory_names_;
  Locked<Inodes, LockRank::kFileObject> inodes_;
  Locked<std::vector<uint64_t>, LockRank::kFileObject> host_devices_;
  Locked<Primed, LockRank::kFileObject> primed_;
  std::atomic<uint32_t> pins_{0};
};

}  // namespace ukrun
