#include "sentry/futex/futex.h"

#include <linux/futex.h>

#include <algorithm>
#include <memory>

#include "sentry/kernel.h"
#include "sentry/syscalls/blocking.h"

namespace ukrun {
namespace {

// Takes the waiter out. True: somebody has woken it, or has taken it and was about to say so.
bool EndWait(Task& task, FutexWaiter& waiter) {
  if (Futexes().Remove(waiter)) {
    return false;
  }
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    if (waiter.woken.load(std::memory_order_acquire)) {
      return true;
    }
    task.sleeper().Sleep(seen, kNoDeadline);
  }
}

// Sleeps until the waiter, which is linked, is woken. On any other end it is taken out.
Result<void> SleepOn(Task& task, FutexWaiter& waiter, int64_t deadline_ns) {
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    if (waiter.woken.load(std::memory_order_acquire)) {
      return Ok();
    }
    WakeReason reason = SleepTask(task, seen, deadline_ns);
    if (reason == WakeReason::kNotified) {
      continue;
    }
    if (EndWait(task, waiter)) {
      return Ok();
    }
    return Fail(reason == WakeReason::kTimedOut ? ETIMEDOUT : kErestartsys);
  }
}

Result<uint32_t> LoadWord(Task& task, GuestAddr address) {
  uint32_t word = 0;
  TRY(task.memory().Read(&word, address, sizeof(word)));
  return word;
}

bool OwnerExists(uint32_t word) {
  MutexGuard guard(kernel().tasks().lock());
  return kernel().tasks().FindTaskLocked(static_cast<int32_t>(word & FUTEX_TID_MASK)) != nullptr;
}

// One try for a PI lock. True: it is ours. With kWait, makes sure that the owner will find
// us (FUTEX_WAITERS) when it is not.
enum class WhenHeld : uint8_t { kFail, kWait };
Result<bool> TryTake(Task& task, GuestAddr address, WhenHeld when_held) {
  uint32_t self = static_cast<uint32_t>(task.tid());
  for (;;) {
    uint32_t word = TRY(LoadWord(task, address));
    uint32_t owner = word & FUTEX_TID_MASK;
    if (owner == self) {
      return Fail(EDEADLK);
    }
    if (owner == 0) {
      uint32_t mine = self | (word & FUTEX_OWNER_DIED) |
                      (when_held == WhenHeld::kWait ? FUTEX_WAITERS : word & FUTEX_WAITERS);
      if (TRY(task.memory().CompareExchange32(address, word, mine)) == word) {
        return true;
      }
      continue;
    }
    if (when_held == WhenHeld::kFail) {
      return Fail(EAGAIN);
    }
    if (!OwnerExists(word)) {
      return Fail(ESRCH);
    }
    if ((word & FUTEX_WAITERS) != 0 ||
        TRY(task.memory().CompareExchange32(address, word, word | FUTEX_WAITERS)) == word) {
      return false;
    }
  }
}

}  // namespace

Result<void> FutexWait(Task& task, GuestAddr address, FutexScope scope, uint32_t expected,
                       uint32_t bitset, int64_t deadline_ns) {
  FutexWaiter waiter;
  waiter.key = TRY(MakeFutexKey(task, address, scope));
  waiter.bitset = bitset;
  waiter.task = &task;
  Futexes().Add(waiter);
  Result<uint32_t> word = LoadWord(task, address);
  if (!word.ok() || *word != expected) {
    if (EndWait(task, waiter)) {
      return Ok();  // woken meanwhile: that counts
    }
    return word.ok() ? Fail(EAGAIN) : word.failure();
  }
  return SleepOn(task, waiter, deadline_ns);
}

Result<int64_t> FutexWaitAny(Task& task, std::span<const FutexWord> words, int64_t deadline_ns) {
  std::unique_ptr<FutexWaiter[]> waiters(new FutexWaiter[words.size()]);
  for (size_t i = 0; i < words.size(); ++i) {
    waiters[i].key = TRY(MakeFutexKey(task, words[i].address, words[i].scope));
    waiters[i].task = &task;
  }
  // The last one that was woken, as on Linux; -1 for none.
  auto end_all = [&](size_t count) {
    int64_t woken = -1;
    for (size_t i = 0; i < count; ++i) {
      if (EndWait(task, waiters[i])) {
        woken = static_cast<int64_t>(i);
      }
    }
    return woken;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    Futexes().Add(waiters[i]);
    Result<uint32_t> word = LoadWord(task, words[i].address);
    if (!word.ok() || *word != words[i].expected) {
      int64_t woken = end_all(i + 1);
      if (woken >= 0) {
        return woken;
      }
      return word.ok() ? Fail(EAGAIN) : word.failure();
    }
  }
  for (;;) {
    uint32_t seen = task.sleeper().Prepare();
    bool any = std::any_of(waiters.get(), waiters.get() + words.size(), [](FutexWaiter& waiter) {
      return waiter.woken.load(std::memory_order_acquire);
    });
    WakeReason reason = any ? WakeReason::kNotified : SleepTask(task, seen, deadline_ns);
    if (!any && reason == WakeReason::kNotified) {
      continue;
    }
    int64_t woken = end_all(words.size());
    if (woken >= 0) {
      return woken;
    }
    return Fail(reason == WakeReason::kTimedOut ? ETIMEDOUT : kErestartsys);
  }
}

Result<void> FutexLockPi(Task& task, GuestAddr address, FutexScope scope, int64_t deadline_ns) {
  FutexWaiter waiter;
  waiter.key = TRY(MakeFutexKey(task, address, scope));
  waiter.task = &task;
  waiter.priority_inheritance = true;
  Futexes().Add(waiter);
  Result<bool> taken = TryTake(task, address, WhenHeld::kWait);
  if (!taken.ok() || *taken) {
    if (EndWait(task, waiter)) {
      return Ok();
    }
    return taken.ok() ? Ok() : Result<void>(taken.failure());
  }
  // Whoever wakes us has made us the owner.
  Result<void> slept = SleepOn(task, waiter, deadline_ns);
  return slept.Is(kErestartsys) ? Result<void>(Fail(kErestartnointr)) : slept;
}

Result<void> FutexTryLockPi(Task& task, GuestAddr address) {
  TRY(TryTake(task, address, WhenHeld::kFail));
  return Ok();
}

Result<bool> FutexHandOver(Task& task, GuestAddr address, const FutexKey& key, uint32_t flags) {
  FutexWaiter* waiter = Futexes().TakePiWaiter(key);
  if (waiter == nullptr) {
    return false;
  }
  // FUTEX_WAITERS stays set even if this was the last one: another may have queued since,
  // and the new owner's unlock then comes to the kernel and finds out.
  uint32_t word = static_cast<uint32_t>(waiter->task->tid()) | FUTEX_WAITERS | flags;
  Result<void> stored = task.memory().Write(address, &word, sizeof(word));
  FutexTable::WakeTaken(*waiter);
  TRY(stored);
  return true;
}

Result<void> FutexUnlockPi(Task& task, GuestAddr address, FutexScope scope) {
  FutexKey key = TRY(MakeFutexKey(task, address, scope));
  for (;;) {
    uint32_t word = TRY(LoadWord(task, address));
    if ((word & FUTEX_TID_MASK) != static_cast<uint32_t>(task.tid())) {
      return Fail(EPERM);
    }
    if (TRY(FutexHandOver(task, address, key, 0))) {
      return Ok();
    }
    if (TRY(task.memory().CompareExchange32(address, word, 0)) == word) {
      return Ok();
    }
  }
}

Result<int64_t> FutexWakeShared(Task& task, GuestAddr address, int32_t count) {
  FutexKey key = TRY(MakeFutexKey(task, address, FutexScope::kShared));
  return Futexes().Wake(key, count, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace ukrun
