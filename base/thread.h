// Kernel threads: host threads that run Sentry code, on stacks that lie in the region.
//
// Each has a ThreadBlock, which the FS base points at (its layout's head is the compiler's
// ABI: self pointer at 0, stack canary at 0x28). Freestanding builds make threads by raw
// clone; hosted builds (unit tests) borrow the C library's.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace ukrun {

struct HeldRanks {
  uint64_t mask = 0;
};

class DeferredNotification;

// Notifications that this thread has put off (base/wait_queue.h).
struct DeferredNotifications {
  DeferredNotification* first = nullptr;
  DeferredNotification* last = nullptr;
  bool delivering = false;
};

struct ThreadBlock {
  ThreadBlock* self = nullptr;
  uint64_t abi_reserved[4] = {};
  uint64_t stack_canary = 0;
  int32_t host_tid = 0;
  HeldRanks held_ranks;
  DeferredNotifications deferred;
  // What this thread runs, for CurrentTask(); null for service threads.
  void* task = nullptr;
  // The execution contexts that this thread holds (the platform's list).
  void* contexts = nullptr;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  // Becomes 0 (and is woken) when the host thread is gone and its stack may be used again.
  std::atomic<uint32_t> alive{0};
  ThreadBlock* next_free = nullptr;
};

ThreadBlock& CurrentThread();

// Starts a kernel thread. It ends when `entry` returns.
// Errors: EAGAIN when the host refuses another thread; ENOMEM.
Result<void> StartKernelThread(void (*entry)(void*), void* argument);

// Sets up the block of the thread that the host started the process with.
void AdoptMainThread();

inline constexpr uint64_t kKernelStackBytes = 64 * 1024;

}  // namespace ukrun
