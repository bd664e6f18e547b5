#include "sentry/fs/tmpfs/tmpfs.h"

#include <linux/magic.h>

#include <algorithm>

#include "sentry/fs/tmpfs/tmpfs_directory.h"
#include "sentry/fs/tmpfs/tmpfs_regular.h"
#include "sentry/mm/page_pool.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr uint64_t kLeastInodes = 1024;

uint64_t InodeLimit(const TmpfsOptions& options) {
  if (options.inode_limit != 0) {
    return options.inode_limit;
  }
  uint64_t bytes = options.budget != nullptr ? options.budget->limit() : options.size_bytes;
  return std::max(bytes / kPageSize, kLeastInodes);
}

}  // namespace

RefPtr<TmpfsFileSystem> TmpfsFileSystem::Create(const TmpfsOptions& options) {
  return RefPtr<TmpfsFileSystem>::Adopt(new TmpfsFileSystem(options));
}

TmpfsFileSystem::TmpfsFileSystem(const TmpfsOptions& options)
    : device_(options.device != 0 ? options.device : NewDeviceNumber()),
      first_inode_number_(options.first_inode_number),
      inode_limit_(InodeLimit(options)),
      budget_(options.budget != nullptr ? RefPtr<MemoryBudget>::Share(options.budget)
                                        : MakeRef<MemoryBudget>(options.size_bytes)) {
  NewInode root;
  root.mode = S_IFDIR | (options.root_mode & 07777);
  root.uid = options.uid;
  root.gid = options.gid;
  inodes_.store(1);
  root_ = RefPtr<TmpfsDirectory>::Adopt(new TmpfsDirectory(*this, root));
  root_->ChangeLinkCount(2);
}

// Takes the tree apart piece by piece: a chain of ten thousand directories that each free
// the next one would not fit on a kernel stack.
TmpfsFileSystem::~TmpfsFileSystem() {
  std::vector<RefPtr<TmpfsInode>> left;
  left.push_back(std::move(root_));
  while (!left.empty()) {
    RefPtr<TmpfsInode> inode = std::move(left.back());
    left.pop_back();
    if (inode->type() == S_IFDIR) {
      for (RefPtr<TmpfsInode>& child : static_cast<TmpfsDirectory&>(*inode).TakeAll()) {
        left.push_back(std::move(child));
      }
    }
  }
}

RefPtr<Inode> TmpfsFileSystem::root() { return root_; }

Result<FileSystemStatistics> TmpfsFileSystem::Statistics() {
  FileSystemStatistics statistics;
  statistics.type = TMPFS_MAGIC;
  statistics.block_size = kPageSize;
  statistics.blocks = budget_->limit() / kPageSize;
  statistics.blocks_free =
      (budget_->limit() - std::min(budget_->limit(), budget_->used())) / kPageSize;
  statistics.blocks_available = statistics.blocks_free;
  uint64_t used = inodes_.load(std::memory_order_relaxed);
  statistics.files = inode_limit_;
  statistics.files_free = inode_limit_ - std::min(inode_limit_, used);
  return statistics;
}

Result<void> TmpfsFileSystem::ChargeInode() {
  if (inodes_.fetch_add(1, std::memory_order_relaxed) >= inode_limit_) {
    inodes_.fetch_sub(1, std::memory_order_relaxed);
    return Fail(ENOSPC);
  }
  return Ok();
}

Result<RefPtr<TmpfsRegular>> TmpfsFileSystem::NewRegular(const NewInode& what) {
  return StaticRefCast<TmpfsRegular>(TRY(TmpfsInode::Create(*this, what)));
}

}  // namespace ukrun
