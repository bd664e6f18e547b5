// Mutex: a futex lock that works across the host processes of one sandbox (the futex
// word is never FUTEX_PRIVATE) and knows its place in the lock order.
//
// Not recursive, not fair. Prefer Locked<T> (base/locked.h) to a naked Mutex.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock_rank.h"

namespace ukrun {

class Mutex {
 public:
  constexpr explicit Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock();
  bool TryLock();
  void Unlock();
  LockRank rank() const { return rank_; }

 private:
  friend class LockInOrder;
  void LockUnranked();
  void UnlockUnranked();

  // 0 free, 1 held, 2 held and somebody may sleep.
  std::atomic<uint32_t> word_{0};
  LockRank rank_;
};

class [[nodiscard]] MutexGuard {
 public:
  explicit MutexGuard(Mutex& mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexGuard() { mutex_.Unlock(); }
  MutexGuard(const MutexGuard&) = delete;
  MutexGuard& operator=(const MutexGuard&) = delete;

 private:
  Mutex& mutex_;
};

// Holds two locks of one rank, always taken in address order. `a` and `b` may be the same.
class [[nodiscard]] LockInOrder {
 public:
  LockInOrder(Mutex& a, Mutex& b);
  ~LockInOrder();
  LockInOrder(const LockInOrder&) = delete;
  LockInOrder& operator=(const LockInOrder&) = delete;

 private:
  Mutex* first_;
  Mutex* second_;
};

}  // namespace ukrun
