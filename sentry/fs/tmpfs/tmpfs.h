// tmpfs: a file system in memory, with Linux's rules (tmpfs(5)).
//
// Contents lie in the page pool and count against the size limit; inodes are counted too.
// The overlay uses one as the store for what it keeps above the host's tree.
#pragma once

#include <atomic>

#include "sentry/mm/memory_object.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class TmpfsDirectory;
class TmpfsRegular;

struct TmpfsOptions {
  uint64_t size_bytes = UINT64_MAX;
  // 0: one for each 4 KiB of the size, but at least a thousand.
  uint64_t inode_limit = 0;
  uint32_t root_mode = 01777;
  uint32_t uid = 0;
  uint32_t gid = 0;
  // A budget that several share, instead of one of `size_bytes`.
  MemoryBudget* budget = nullptr;
  // For inodes that are shown as part of another file system: its device (0: a new one), and
  // where their numbers begin.
  uint64_t device = 0;
  uint64_t first_inode_number = 0;
};

class TmpfsFileSystem final : public FileSystem {
 public:
  static RefPtr<TmpfsFileSystem> Create(const TmpfsOptions& options);
  ~TmpfsFileSystem() override;

  std::string_view type_name() const override { return "tmpfs"; }
  RefPtr<Inode> root() override;
  Result<FileSystemStatistics> Statistics() override;

  // A regular file without a name, with the link count 0.
  // Errors: ENOSPC when there are too many inodes.
  Result<RefPtr<TmpfsRegular>> NewRegular(const NewInode& what);

  uint64_t device() const { return device_; }
  uint64_t first_inode_number() const { return first_inode_number_; }
  MemoryBudget& budget() { return *budget_; }
  // One inode more or less. Errors: ENOSPC.
  Result<void> ChargeInode();
  void ReleaseInode() { inodes_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  explicit TmpfsFileSystem(const TmpfsOptions& options);

  // Constant after construction.
  const uint64_t device_;
  const uint64_t first_inode_number_;
  const uint64_t inode_limit_;
  const RefPtr<MemoryBudget> budget_;  // Synchronizes itself.
  RefPtr<TmpfsDirectory> root_;
  // Synchronizes itself.
  std::atomic<uint64_t> inodes_{0};
};

}  // namespace ukrun
