// The table of sleepers on futex words.
//
// A waiter is linked first and looks at the word afterwards: whoever changes the word and
// wakes later is then sure to find it. Guest memory is never touched under a bucket's lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/mutex.h"
#include "base/result.h"
#include "platform/guest_memory.h"

namespace ukrun {

class Task;

enum class FutexScope : uint8_t { kPrivate, kShared };

// Private words are keyed by address space and address, shared ones by object and offset.
struct FutexKey {
  const void* object = nullptr;
  uint64_t offset = 0;
  friend bool operator==(const FutexKey&, const FutexKey&) = default;
};

// Errors: EINVAL (misaligned), EFAULT (nothing mapped at a shared word).
Result<FutexKey> MakeFutexKey(Task& task, GuestAddr address, FutexScope scope);

struct FutexWaiter {
  FutexKey key;
  uint32_t bitset = UINT32_MAX;
  Task* task = nullptr;
  bool priority_inheritance = false;
  std::atomic<bool> woken{false};
  // Guarded by the bucket's lock. Null once taken out.
  FutexWaiter* previous = nullptr;
  FutexWaiter* next = nullptr;
  bool linked = false;
};

class FutexTable {
 public:
  void Add(FutexWaiter& waiter);
  // Takes the waiter out, wherever a requeue has moved it. False when it was woken.
  bool Remove(FutexWaiter& waiter);
  // Wakes up to `count` waiters whose bitset meets `bitset`; not those of PI locks.
  int64_t Wake(const FutexKey& key, int64_t count, uint32_t bitset);
  // Wakes `wake` and moves up to `requeue` others to `to`. Returns how many were woken and
  // moved.
  struct RequeueCount {
    int64_t woken = 0;
    int64_t moved = 0;
  };
  RequeueCount Requeue(const FutexKey& from, const FutexKey& to, int64_t wake, int64_t requeue);
  // Takes out the first waiter of a PI lock without waking it; null when there is none.
  FutexWaiter* TakePiWaiter(const FutexKey& key);
  static void WakeTaken(FutexWaiter& waiter);

 private:
  struct Bucket {
    Mutex lock{LockRank::kFutex};
    FutexWaiter* first = nullptr;
    FutexWaiter* last = nullptr;
  };
  static constexpr size_t kBuckets = 256;

  static size_t Index(const FutexKey& key);
  static void Link(Bucket& bucket, FutexWaiter& waiter);
  static void Unlink(Bucket& bucket, FutexWaiter& waiter);

  std::array<Bucket, kBuckets> buckets_;
};

FutexTable& Futexes();

}  // namespace ukrun
