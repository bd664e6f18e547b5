#include "sentry/vfs/dentry_cache.h"

#include <vector>

#include "base/mutex.h"

namespace ukrun {
namespace {

// Never held together with a dentry's own lock, which has the same rank.
constinit Mutex cache_lock(LockRank::kDentryCache);
constinit Dentry* newest = nullptr;
constinit Dentry* oldest = nullptr;
constinit size_t cached_count = 0;

}  // namespace

void DentryCache::LinkNewest(Dentry& dentry) {
  dentry.newer_ = nullptr;
  dentry.older_ = newest;
  (newest != nullptr ? newest->newer_ : oldest) = &dentry;
  newest = &dentry;
}

void DentryCache::Unlink(Dentry& dentry) {
  (dentry.newer_ != nullptr ? dentry.newer_->older_ : newest) = dentry.older_;
  (dentry.older_ != nullptr ? dentry.older_->newer_ : oldest) = dentry.newer_;
  dentry.newer_ = nullptr;
  dentry.older_ = nullptr;
}

// The second chance algorithm: what has been used since it was last looked at goes to the
// front, so that a hit costs no lock. Bounded, so that one insertion stays cheap.
Dentry* DentryCache::TakeVictim() {
  constexpr int kChances = 16;
  for (int i = 0; i < kChances; ++i) {
    Dentry& candidate = *oldest;
    if (!candidate.recently_used_.exchange(false, std::memory_order_relaxed)) {
      break;
    }
    Unlink(candidate);
    LinkNewest(candidate);
  }
  Dentry* victim = oldest;
  Unlink(*victim);
  victim->cached_.store(false, std::memory_order_relaxed);
  --cached_count;
  return victim;
}

void DentryCache::Use(Dentry& dentry) {
  if (!dentry.recently_used_.load(std::memory_order_relaxed)) {
    dentry.recently_used_.store(true, std::memory_order_relaxed);
  }
  if (dentry.cached_.load(std::memory_order_relaxed)) {
    return;
  }
  Dentry* victim = nullptr;
  {
    MutexGuard guard(cache_lock);
    // Looked at under the lock: Forget() comes after the name is gone, and finds it if it
    // came in before.
    if (dentry.cached_.load(std::memory_order_relaxed) || dentry.unlinked()) {
      return;
    }
    dentry.cached_.store(true, std::memory_order_relaxed);
    dentry.Ref();
    LinkNewest(dentry);
    if (++cached_count > kLimit) {
      victim = TakeVictim();
    }
  }
  if (victim != nullptr) {
    victim->Unref();
  }
}

void DentryCache::Forget(Dentry& dentry) {
  {
    MutexGuard guard(cache_lock);
    if (!dentry.cached_.load(std::memory_order_relaxed)) {
      return;
    }
    dentry.cached_.store(false, std::memory_order_relaxed);
    Unlink(dentry);
    --cached_count;
  }
  dentry.Unref();
}

void DentryCache::ForgetAll(const FileSystem* file_system) {
  std::vector<RefPtr<Dentry>> all;
  {
    MutexGuard guard(cache_lock);
    all.reserve(cached_count);
    for (Dentry* dentry = newest; dentry != nullptr; dentry = dentry->older_) {
      all.push_back(RefPtr<Dentry>::Share(dentry));
    }
  }
  for (const RefPtr<Dentry>& dentry : all) {
    RefPtr<Inode> inode = dentry->inode();
    if (file_system == nullptr || !inode || &inode->file_system() == file_system) {
      Forget(*dentry);
    }
  }
}

}  // namespace ukrun
