#include "base/mutex.h"

#include <bit>
#include <functional>

#include "base/check.h"
#include "base/format.h"
#include "base/host_call.h"
#include "base/thread.h"

namespace ukrun {
namespace {

#ifndef NDEBUG
__attribute__((always_inline)) inline void EnterRank(LockRank rank) {
  HeldRanks& held = CurrentThread().held_ranks;
  uint64_t bit = uint64_t{1} << static_cast<unsigned>(rank);
  if (held.mask >= bit) {
    // The highest rank held is this one or stands behind it.
    unsigned highest = 63u - static_cast<unsigned>(__builtin_clzll(held.mask));
    held.mask = 0;
    Panic(Format("lock order violated: rank {} taken under rank {} (base/lock_rank.h), from {:#x}",
                 static_cast<unsigned>(rank), highest,
                 std::bit_cast<uintptr_t>(__builtin_return_address(0))));
  }
  held.mask |= bit;
}
void LeaveRank(LockRank rank) {
  CurrentThread().held_ranks.mask &= ~(uint64_t{1} << static_cast<unsigned>(rank));
}
#else
void EnterRank(LockRank) {}
void LeaveRank(LockRank) {}
#endif

}  // namespace

void Mutex::Lock() {
  EnterRank(rank_);
  LockUnranked();
}

bool Mutex::TryLock() {
  uint32_t expected = 0;
  if (!word_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) {
    return false;
  }
  EnterRank(rank_);
  return true;
}

void Mutex::Unlock() {
  LeaveRank(rank_);
  UnlockUnranked();
}

void Mutex::LockUnranked() {
  uint32_t expected = 0;
  if (word_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) {
    return;
  }
  while (word_.exchange(2, std::memory_order_acquire) != 0) {
    HostFutexWait(word_, 2);
  }
}

void Mutex::UnlockUnranked() {
  if (word_.exchange(0, std::memory_order_release) == 2) {
    HostFutexWake(word_, 1);
  }
}

LockInOrder::LockInOrder(Mutex& a, Mutex& b) {
  UKRUN_CHECK(a.rank() == b.rank());
  bool a_first = std::less<>()(&a, &b);
  first_ = a_first ? &a : &b;
  second_ = a_first ? &b : &a;
  EnterRank(a.rank());
  first_->LockUnranked();
  if (second_ != first_) {
    second_->LockUnranked();
  }
}

LockInOrder::~LockInOrder() {
  if (second_ != first_) {
    second_->UnlockUnranked();
  }
  first_->UnlockUnranked();
  LeaveRank(first_->rank());
}

}  // namespace ukrun
