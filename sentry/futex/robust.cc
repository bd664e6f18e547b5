// Robust futexes: what happens to locks whose holder dies.
#include <linux/futex.h>

#include "sentry/futex/futex.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

constexpr int kMostEntries = 2048;  // ROBUST_LIST_LIMIT; the list may be a loop

// struct robust_list_head
struct ListHead {
  uint64_t next;
  int64_t futex_offset;
  uint64_t pending;
};

// The lowest bit of an entry says that it is a PI lock.
struct Entry {
  uint64_t address;
  bool priority_inheritance;
};
Entry Decode(uint64_t pointer) { return Entry{pointer & ~uint64_t{1}, (pointer & 1) != 0}; }

enum class Certainty : uint8_t { kHeld, kPending };

Result<void> MarkDead(Task& task, GuestAddr address, bool priority_inheritance,
                      Certainty certainty) {
  for (;;) {
    uint32_t word = 0;
    TRY(task.memory().Read(&word, address, sizeof(word)));
    if ((word & FUTEX_TID_MASK) != static_cast<uint32_t>(task.tid())) {
      // The task may have died between unlocking and waking.
      if (certainty == Certainty::kPending && !priority_inheritance && word == 0) {
        TRY(FutexWakeShared(task, address, 1));
      }
      return Ok();
    }
    if (priority_inheritance) {
      FutexKey key = TRY(MakeFutexKey(task, address, FutexScope::kShared));
      if (TRY(FutexHandOver(task, address, key, FUTEX_OWNER_DIED))) {
        return Ok();
      }
    }
    uint32_t dead = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
    if (TRY(task.memory().CompareExchange32(address, word, dead)) == word) {
      if (!priority_inheritance && (word & FUTEX_WAITERS) != 0) {
        TRY(FutexWakeShared(task, address, 1));
      }
      return Ok();
    }
  }
}

}  // namespace

void ReleaseRobustFutexes(Task& task) {
  if (task.robust_list.is_null()) {
    return;
  }
  ListHead head{};
  if (!task.memory().Read(&head, task.robust_list, sizeof(head)).ok()) {
    return;
  }
  auto word_of = [&head](const Entry& entry) {
    return GuestAddr(entry.address + static_cast<uint64_t>(head.futex_offset));
  };
  Entry pending = Decode(head.pending);
  uint64_t next = head.next;
  for (int i = 0; i < kMostEntries && (next & ~uint64_t{1}) != task.robust_list.value(); ++i) {
    Entry entry = Decode(next);
    // Read on first: a waiter that is woken may free the entry.
    if (!task.memory().Read(&next, GuestAddr(entry.address), sizeof(next)).ok()) {
      return;
    }
    if (entry.address != pending.address &&
        !MarkDead(task, word_of(entry), entry.priority_inheritance, Certainty::kHeld).ok()) {
      return;
    }
  }
  if (pending.address != 0) {
    static_cast<void>(
        MarkDead(task, word_of(pending), pending.priority_inheritance, Certainty::kPending));
  }
}

}  // namespace ukrun
