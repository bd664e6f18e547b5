#include "sentry/vfs/file_locks.h"

#include <algorithm>

#include "base/mutex.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

constinit Mutex lists_lock(LockRank::kFileLocks);

// A process that waits for a POSIX lock, and one that is in its way. Lives on the waiter's
// stack. Guarded by lists_lock.
struct BlockedProcess {
  const void* process;
  const void* blocker = nullptr;
  BlockedProcess* next = nullptr;
};
constinit BlockedProcess* blocked_processes = nullptr;

// How far a chain of waiters is followed, as Linux's MAX_DEADLK_ITERATIONS but generous.
constexpr int kLongestChain = 100;

// Would `process` wait for itself if it waited for `blocker`?
bool WouldDeadlockLocked(const void* process, const void* blocker) {
  for (int step = 0; step < kLongestChain; ++step) {
    if (blocker == process) {
      return true;
    }
    const BlockedProcess* found = blocked_processes;
    while (found != nullptr && (found->process != blocker || found->blocker == nullptr)) {
      found = found->next;
    }
    if (found == nullptr) {
      return false;
    }
    blocker = found->blocker;
  }
  return false;
}

void AddBlocked(BlockedProcess& process) {
  MutexGuard guard(lists_lock);
  process.next = blocked_processes;
  blocked_processes = &process;
}

void RemoveBlocked(BlockedProcess& process) {
  MutexGuard guard(lists_lock);
  BlockedProcess** link = &blocked_processes;
  while (*link != &process) {
    link = &(*link)->next;
  }
  *link = process.next;
}

bool Conflict(LockType a, LockType b) {
  return a == LockType::kExclusive || b == LockType::kExclusive;
}

bool SameOwner(const RangeLock& a, const RangeLock& b) {
  return a.owner == b.owner && a.flavour == b.flavour;
}

}  // namespace

Result<void> FileLocks::TryFlockLocked(const File& owner, LockType type, int32_t pid,
                                       bool* changed) {
  auto mine = std::find_if(flocks_.begin(), flocks_.end(),
                           [&](const FlockEntry& entry) { return entry.owner == &owner; });
  if (mine != flocks_.end()) {
    if (mine->type == type) {
      return Ok();
    }
    flocks_.erase(mine);
    *changed = true;
  }
  if (type == LockType::kUnlock) {
    return Ok();
  }
  for (const FlockEntry& other : flocks_) {
    if (Conflict(other.type, type)) {
      return Fail(EAGAIN);
    }
  }
  flocks_.push_back({&owner, type, pid});
  return Ok();
}

Result<void> FileLocks::Flock(Task& task, const File& owner, LockType type, LockWait wait) {
  int32_t pid = task.thread_group().pid();
  auto attempt = [&]() -> Result<void> {
    bool changed = false;
    Result<void> result;
    {
      MutexGuard guard(lists_lock);
      result = TryFlockLocked(owner, type, pid, &changed);
    }
    if (changed) {
      waiters_.Notify(Ready::kWritable);
    }
    return result;
  };
  return wait == LockWait::kNo ? attempt() : BlockOn(task, waiters_, Ready::kWritable, attempt);
}

const RangeLock* FileLocks::FindConflictLocked(const RangeLock& wanted) const {
  for (const RangeLock& lock : ranges_) {
    if (!SameOwner(lock, wanted) && lock.first <= wanted.last && wanted.first <= lock.last &&
        Conflict(lock.type, wanted.type)) {
      return &lock;
    }
  }
  return nullptr;
}

std::optional<RangeLock> FileLocks::FindConflict(const RangeLock& wanted) const {
  MutexGuard guard(lists_lock);
  const RangeLock* conflict = FindConflictLocked(wanted);
  return conflict == nullptr ? std::nullopt : std::optional<RangeLock>(*conflict);
}

// Replaces what the owner holds of the range, splitting and merging its other locks.
void FileLocks::ApplyLocked(const RangeLock& wanted) {
  RangeLock merged = wanted;
  std::vector<RangeLock> result;
  result.reserve(ranges_.size() + 2);
  for (const RangeLock& lock : ranges_) {
    if (!SameOwner(lock, wanted)) {
      result.push_back(lock);
      continue;
    }
    bool overlaps = lock.first <= wanted.last && wanted.first <= lock.last;
    bool touches = (wanted.first > 0 && lock.last == wanted.first - 1) ||
                   (wanted.last < INT64_MAX && lock.first == wanted.last + 1);
    if (lock.type == wanted.type && (overlaps || touches)) {
      merged.first = std::min(merged.first, lock.first);
      merged.last = std::max(merged.last, lock.last);
      continue;
    }
    if (!overlaps) {
      result.push_back(lock);
      continue;
    }
    if (lock.first < wanted.first) {
      RangeLock left = lock;
      left.last = wanted.first - 1;
      result.push_back(left);
    }
    if (lock.last > wanted.last) {
      RangeLock right = lock;
      right.first = wanted.last + 1;
      result.push_back(right);
    }
  }
  if (merged.type != LockType::kUnlock) {
    auto place = std::find_if(result.begin(), result.end(), [&](const RangeLock& lock) {
      return SameOwner(lock, merged) && lock.first > merged.first;
    });
    result.insert(place, merged);
  }
  ranges_ = std::move(result);
}

Result<void> FileLocks::SetRange(Task& task, const RangeLock& wanted, LockWait wait) {
  BlockedProcess blocked{wanted.owner};
  bool can_deadlock = wait == LockWait::kYes && wanted.flavour == RangeFlavour::kPosix;
  auto attempt = [&]() -> Result<void> {
    {
      MutexGuard guard(lists_lock);
      blocked.blocker = nullptr;
      const RangeLock* conflict =
          wanted.type == LockType::kUnlock ? nullptr : FindConflictLocked(wanted);
      if (conflict != nullptr) {
        if (can_deadlock && conflict->flavour == RangeFlavour::kPosix) {
          if (WouldDeadlockLocked(wanted.owner, conflict->owner)) {
            return Fail(EDEADLK);
          }
          blocked.blocker = conflict->owner;
        }
        return Fail(EAGAIN);
      }
      ApplyLocked(wanted);
    }
    // Unlocking and downgrading let others go on; trying costs them little.
    if (wanted.type != LockType::kExclusive) {
      waiters_.Notify(Ready::kWritable);
    }
    return Ok();
  };
  if (wait == LockWait::kNo) {
    return attempt();
  }
  AddBlocked(blocked);
  Result<void> result = BlockOn(task, waiters_, Ready::kWritable, attempt);
  RemoveBlocked(blocked);
  return result;
}

bool FileLocks::RemoveOwnerLocked(const void* owner, RangeFlavour flavour) {
  return std::erase_if(ranges_, [&](const RangeLock& lock) {
           return lock.owner == owner && lock.flavour == flavour;
         }) != 0;
}

void FileLocks::ReleaseFile(const File& file) {
  bool changed = false;
  {
    MutexGuard guard(lists_lock);
    changed = std::erase_if(flocks_, [&](const FlockEntry& e) { return e.owner == &file; }) != 0;
    changed |= RemoveOwnerLocked(&file, RangeFlavour::kOpenFile);
  }
  if (changed) {
    waiters_.Notify(Ready::kWritable);
  }
}

void FileLocks::ReleaseProcess(const FdTable& process) {
  bool changed = false;
  {
    MutexGuard guard(lists_lock);
    changed = RemoveOwnerLocked(&process, RangeFlavour::kPosix);
  }
  if (changed) {
    waiters_.Notify(Ready::kWritable);
  }
}

std::vector<FileLocks::Listing> FileLocks::List() const {
  MutexGuard guard(lists_lock);
  std::vector<Listing> listing;
  for (const FlockEntry& entry : flocks_) {
    listing.push_back({true, RangeLock{entry.owner, RangeFlavour::kOpenFile, entry.type, 0,
                                       INT64_MAX, entry.pid}});
  }
  for (const RangeLock& lock : ranges_) {
    listing.push_back({false, lock});
  }
  return listing;
}

}  // namespace ukrun
