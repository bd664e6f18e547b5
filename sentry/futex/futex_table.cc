#include "sentry/futex/futex_table.h"

#include <bit>

#include "sentry/mm/memory_manager.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

constinit FutexTable g_futexes;

}  // namespace

FutexTable& Futexes() { return g_futexes; }

Result<FutexKey> MakeFutexKey(Task& task, GuestAddr address, FutexScope scope) {
  if ((address.value() & 3) != 0) {
    return Fail(EINVAL);
  }
  if (scope == FutexScope::kShared) {
    MemoryManager::SharedKey shared = TRY(task.mm().FindSharedKey(address.value()));
    if (shared.object != nullptr) {
      return FutexKey{shared.object, shared.offset};
    }
  }
  // As on Linux, a shared futex in private memory is another one than the private futex at
  // the same address; words are aligned, so the lowest bit is free to say so.
  uint64_t shared_bit = scope == FutexScope::kShared ? 1 : 0;
  return FutexKey{&task.mm(), address.value() | shared_bit};
}

size_t FutexTable::Index(const FutexKey& key) {
  uint64_t hash = (std::bit_cast<uint64_t>(key.object) >> 4) * 0x9e37'79b9'7f4a'7c15 ^
                  (key.offset >> 2) * 0xc2b2'ae3d'27d4'eb4f;
  return (hash >> 32) % kBuckets;
}

void FutexTable::Link(Bucket& bucket, FutexWaiter& waiter) {
  waiter.previous = bucket.last;
  waiter.next = nullptr;
  (bucket.last != nullptr ? bucket.last->next : bucket.first) = &waiter;
  bucket.last = &waiter;
  waiter.linked = true;
}

void FutexTable::Unlink(Bucket& bucket, FutexWaiter& waiter) {
  (waiter.previous != nullptr ? waiter.previous->next : bucket.first) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : bucket.last) = waiter.previous;
  waiter.linked = false;
}

void FutexTable::Add(FutexWaiter& waiter) {
  Bucket& bucket = buckets_[Index(waiter.key)];
  MutexGuard guard(bucket.lock);
  Link(bucket, waiter);
}

bool FutexTable::Remove(FutexWaiter& waiter) {
  for (;;) {
    // A requeue changes the key under the locks of both buckets; look again if it did.
    FutexKey key = waiter.key;
    Bucket& bucket = buckets_[Index(key)];
    MutexGuard guard(bucket.lock);
    if (!(waiter.key == key)) {
      continue;
    }
    if (!waiter.linked) {
      return false;
    }
    Unlink(bucket, waiter);
    return true;
  }
}

void FutexTable::WakeTaken(FutexWaiter& waiter) {
  // Once `woken` is seen the waiter may be gone; its task cannot, for it runs the wait.
  Task& task = *waiter.task;
  task.Ref();
  waiter.woken.store(true, std::memory_order_release);
  task.sleeper().Wake();
  task.Unref();
}

int64_t FutexTable::Wake(const FutexKey& key, int64_t count, uint32_t bitset) {
  Bucket& bucket = buckets_[Index(key)];
  MutexGuard guard(bucket.lock);
  int64_t woken = 0;
  for (FutexWaiter* waiter = bucket.first; waiter != nullptr && woken < count;) {
    FutexWaiter* next = waiter->next;
    if (waiter->key == key && (waiter->bitset & bitset) != 0 && !waiter->priority_inheritance) {
      Unlink(bucket, *waiter);
      WakeTaken(*waiter);
      ++woken;
    }
    waiter = next;
  }
  return woken;
}

FutexTable::RequeueCount FutexTable::Requeue(const FutexKey& from, const FutexKey& to, int64_t wake,
                                             int64_t requeue) {
  Bucket& source = buckets_[Index(from)];
  Bucket& target = buckets_[Index(to)];
  LockInOrder guard(source.lock, target.lock);
  RequeueCount count;
  for (FutexWaiter* waiter = source.first; waiter != nullptr;) {
    FutexWaiter* next = waiter->next;
    if (waiter->key == from && !waiter->priority_inheritance) {
      if (count.woken < wake) {
        Unlink(source, *waiter);
        WakeTaken(*waiter);
        ++count.woken;
      } else if (count.moved < requeue) {
        Unlink(source, *waiter);
        waiter->key = to;
        Link(target, *waiter);
        ++count.moved;
      } else {
        break;
      }
    }
    // Moved ones stand behind `next` when both buckets are one; they are no longer `from`.
    waiter = next;
  }
  return count;
}

FutexWaiter* FutexTable::TakePiWaiter(const FutexKey& key) {
  Bucket& bucket = buckets_[Index(key)];
  MutexGuard guard(bucket.lock);
  for (FutexWaiter* waiter = bucket.first; waiter != nullptr; waiter = waiter->next) {
    if (waiter->key == key && waiter->priority_inheritance) {
      Unlink(bucket, *waiter);
      return waiter;
    }
  }
  return nullptr;
}

}  // namespace ukrun
