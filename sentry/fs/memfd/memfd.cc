#include "sentry/fs/memfd/memfd.h"

#include <atomic>

#include "sentry/fs/tmpfs/tmpfs_regular.h"
#include "sentry/kernel.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// O_LARGEFILE as the kernel has it; the C library says 0.
constexpr uint32_t kLargeFile = 0100000;

constinit std::atomic<TmpfsFileSystem*> g_file_system{nullptr};

// Made at first use; lives as long as the sandbox.
TmpfsFileSystem& MemfdFileSystem() {
  TmpfsFileSystem* existing = g_file_system.load(std::memory_order_acquire);
  if (existing != nullptr) {
    return *existing;
  }
  TmpfsOptions options;
  options.budget = &kernel().shared_memory();
  options.inode_limit = UINT64_MAX;
  RefPtr<TmpfsFileSystem> made = TmpfsFileSystem::Create(options);
  if (g_file_system.compare_exchange_strong(existing, made.get(), std::memory_order_acq_rel)) {
    return *made.Release();
  }
  return *existing;
}

}  // namespace

Result<RefPtr<File>> CreateMemfd(Task& task, std::string_view name, const MemfdOptions& options) {
  NewInode what;
  what.mode = S_IFREG | options.permissions;
  what.uid = options.uid;
  what.gid = options.gid;
  RefPtr<TmpfsRegular> inode = TRY(MemfdFileSystem().NewRegular(what));
  inode->contents().SetInitialSeals(options.seals);
  OpenOptions open;
  open.read = true;
  open.write = true;
  open.status_flags = kLargeFile;
  std::string shown = "/memfd:" + std::string(name) + " (deleted)";
  return inode->Open(task, AnonymousPath(std::move(shown), inode), open);
}

}  // namespace ukrun
