#include "sentry/syscalls/futex.h"

#include <linux/futex.h>

#include "abi/timespec.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/access.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace {

constexpr uint64_t kRobustHeadBytes = 24;

// Absolute times of CLOCK_REALTIME become CLOCK_MONOTONIC ones as the clocks stand now.
Result<int64_t> LoadDeadline(Task& task, GuestAddr timeout, bool relative, bool realtime) {
  if (timeout.is_null()) {
    return kNoDeadline;
  }
  abi::Timespec time = TRY(UserIn<abi::Timespec>{timeout}.Load(task.memory()));
  if (!time.valid()) {
    return Fail(EINVAL);
  }
  if (relative) {
    return DeadlineAfter(time.ToNs());
  }
  if (!realtime) {
    return time.ToNs();
  }
  int64_t left = time.ToNs() - HostClockNs(CLOCK_REALTIME);
  return DeadlineAfter(left < 0 ? 0 : left);
}

// A wait with a time-out goes on after a signal with what is left of it.
struct WaitRestart final : public RestartBlock {
  Result<int64_t> Restart(Task& task) override;

  GuestAddr address;
  FutexScope scope = FutexScope::kPrivate;
  uint32_t expected = 0;
  uint32_t bitset = 0;
  int64_t deadline_ns = 0;
};

Result<int64_t> Wait(Task& task, const WaitRestart& wait) {
  Result<void> waited =
      FutexWait(task, wait.address, wait.scope, wait.expected, wait.bitset, wait.deadline_ns);
  if (waited.Is(kErestartsys) && wait.deadline_ns != kNoDeadline) {
    task.restart = std::make_unique<WaitRestart>(wait);
    return Fail(kErestartRestartblock);
  }
  TRY(waited);
  return int64_t{0};
}

Result<int64_t> WaitRestart::Restart(Task& task) {
  WaitRestart copy = *this;
  return Wait(task, copy);
}

int32_t SignExtend12(uint32_t value) { return static_cast<int32_t>(value << 20) >> 20; }

// FUTEX_WAKE_OP's little language: what to do to the second word, and when to wake its
// waiters. Returns the comparison's outcome.
Result<bool> ApplyWakeOp(Task& task, GuestAddr address, uint32_t encoded) {
  uint32_t operation = (encoded >> 28) & 7;
  bool shift = (encoded >> 28 & FUTEX_OP_OPARG_SHIFT) != 0;
  uint32_t comparison = (encoded >> 24) & 15;
  uint32_t operand = static_cast<uint32_t>(SignExtend12((encoded >> 12) & 0xfff));
  int32_t compared = SignExtend12(encoded & 0xfff);
  if (shift) {
    operand = 1u << (operand & 31);
  }
  uint32_t old = 0;
  for (;;) {
    TRY(task.memory().Read(&old, address, sizeof(old)));
    uint32_t fresh = 0;
    switch (operation) {
      case FUTEX_OP_SET:
        fresh = operand;
        break;
      case FUTEX_OP_ADD:
        fresh = old + operand;
        break;
      case FUTEX_OP_OR:
        fresh = old | operand;
        break;
      case FUTEX_OP_ANDN:
        fresh = old & ~operand;
        break;
      case FUTEX_OP_XOR:
        fresh = old ^ operand;
        break;
      default:
        return Fail(ENOSYS);
    }
    if (TRY(task.memory().CompareExchange32(address, old, fresh)) == old) {
      break;
    }
  }
  int32_t before = static_cast<int32_t>(old);
  switch (comparison) {
    case FUTEX_OP_CMP_EQ:
      return before == compared;
    case FUTEX_OP_CMP_NE:
      return before != compared;
    case FUTEX_OP_CMP_LT:
      return before < compared;
    case FUTEX_OP_CMP_GE:
      return before >= compared;
    case FUTEX_OP_CMP_LE:
      return before <= compared;
    case FUTEX_OP_CMP_GT:
      return before > compared;
    default:
      return Fail(ENOSYS);
  }
}

Result<int64_t> WakeOp(Task& task, GuestAddr address, FutexScope scope, uint32_t count,
                       uint32_t count2, GuestAddr address2, uint32_t encoded) {
  FutexKey key = TRY(MakeFutexKey(task, address, scope));
  FutexKey key2 = TRY(MakeFutexKey(task, address2, scope));
  bool also_second = TRY(ApplyWakeOp(task, address2, encoded));
  int64_t woken = Futexes().Wake(key, static_cast<int32_t>(count), FUTEX_BITSET_MATCH_ANY);
  if (also_second) {
    woken += Futexes().Wake(key2, static_cast<int32_t>(count2), FUTEX_BITSET_MATCH_ANY);
  }
  return woken;
}

Result<int64_t> Requeue(Task& task, GuestAddr address, FutexScope scope, uint32_t wake,
                        uint32_t requeue, GuestAddr address2, const uint32_t* expected) {
  if (static_cast<int32_t>(wake) < 0 || static_cast<int32_t>(requeue) < 0) {
    return Fail(EINVAL);
  }
  FutexKey from = TRY(MakeFutexKey(task, address, scope));
  FutexKey to = TRY(MakeFutexKey(task, address2, scope));
  if (expected != nullptr) {
    uint32_t word = 0;
    TRY(task.memory().Read(&word, address, sizeof(word)));
    if (word != *expected) {
      return Fail(EAGAIN);
    }
  }
  FutexTable::RequeueCount count = Futexes().Requeue(from, to, wake, requeue);
  return count.woken + count.moved;
}

}  // namespace

Result<int64_t> Futex(Task& task, GuestAddr address, int32_t operation, uint32_t value,
                      GuestAddr timeout, GuestAddr address2, uint32_t value3) {
  int32_t command = operation & FUTEX_CMD_MASK;
  FutexScope scope =
      (operation & FUTEX_PRIVATE_FLAG) != 0 ? FutexScope::kPrivate : FutexScope::kShared;
  bool realtime = (operation & FUTEX_CLOCK_REALTIME) != 0;
  if (realtime && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT &&
      command != FUTEX_LOCK_PI2) {
    return Fail(ENOSYS);
  }
  // In place of a time-out some operations take a second count.
  uint32_t value2 = static_cast<uint32_t>(timeout.value());
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      WaitRestart wait;
      wait.address = address;
      wait.scope = scope;
      wait.expected = value;
      wait.bitset = command == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : value3;
      if (wait.bitset == 0) {
        return Fail(EINVAL);
      }
      wait.deadline_ns = TRY(LoadDeadline(task, timeout, command == FUTEX_WAIT, realtime));
      return Wait(task, wait);
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      uint32_t bitset = command == FUTEX_WAKE ? FUTEX_BITSET_MATCH_ANY : value3;
      if (bitset == 0) {
        return Fail(EINVAL);
      }
      FutexKey key = TRY(MakeFutexKey(task, address, scope));
      return Futexes().Wake(key, static_cast<int32_t>(value), bitset);
    }
    case FUTEX_REQUEUE:
      return Requeue(task, address, scope, value, value2, address2, nullptr);
    case FUTEX_CMP_REQUEUE:
      return Requeue(task, address, scope, value, value2, address2, &value3);
    case FUTEX_WAKE_OP:
      return WakeOp(task, address, scope, value, value2, address2, value3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      bool wall_clock = command == FUTEX_LOCK_PI || realtime;
      TRY(FutexLockPi(task, address, scope, TRY(LoadDeadline(task, timeout, false, wall_clock))));
      return int64_t{0};
    }
    case FUTEX_TRYLOCK_PI:
      TRY(MakeFutexKey(task, address, scope));
      TRY(FutexTryLockPi(task, address));
      return int64_t{0};
    case FUTEX_UNLOCK_PI:
      TRY(FutexUnlockPi(task, address, scope));
      return int64_t{0};
    default:
      return Fail(ENOSYS);
  }
}

Result<int64_t> FutexWaitv(Task& task, UserArray<FutexWaitvLayout> waiters, uint32_t count,
                           uint32_t flags, GuestAddr timeout, int32_t clock) {
  if (flags != 0 || count == 0 || count > FUTEX_WAITV_MAX || waiters.is_null()) {
    return Fail(EINVAL);
  }
  if (!timeout.is_null() && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
    return Fail(EINVAL);
  }
  int64_t deadline_ns = TRY(LoadDeadline(task, timeout, false, clock == CLOCK_REALTIME));
  std::vector<FutexWord> words;
  for (const FutexWaitvLayout& entry : TRY(waiters.Load(task.memory(), count))) {
    // Only words of 32 bits exist.
    if ((entry.flags & ~uint32_t{FUTEX_PRIVATE_FLAG}) != FUTEX_32 || entry.reserved != 0 ||
        entry.value > UINT32_MAX) {
      return Fail(EINVAL);
    }
    words.push_back({.address = GuestAddr(entry.address),
                     .scope = (entry.flags & FUTEX_PRIVATE_FLAG) != 0 ? FutexScope::kPrivate
                                                                      : FutexScope::kShared,
                     .expected = static_cast<uint32_t>(entry.value)});
  }
  return FutexWaitAny(task, words, deadline_ns);
}

Result<void> SetRobustList(Task& task, GuestAddr head, uint64_t size) {
  if (size != kRobustHeadBytes) {
    return Fail(EINVAL);
  }
  task.robust_list = head;
  return Ok();
}

Result<void> GetRobustList(Task& task, int32_t pid, UserOut<uint64_t> head,
                           UserOut<uint64_t> size) {
  uint64_t address = task.robust_list.value();
  if (pid != 0) {
    RefPtr<Task> other = kernel().tasks().FindTask(pid);
    if (!other) {
      return Fail(ESRCH);
    }
    if (!MayAccess(task, *other, AccessIds::kReal)) {
      return Fail(EPERM);
    }
    address = other->robust_list.value();
  }
  TRY(size.Store(task.memory(), kRobustHeadBytes));
  return head.Store(task.memory(), address);
}

}  // namespace ukrun
