#include "base/thread.h"

#include <linux/sched.h>
#include <sys/syscall.h>

#include <new>

#include "base/check.h"
#include "base/heap.h"
#include "base/host_call.h"
#include "base/mutex.h"

// UkrunCloneThread(flags, stack, child_tid, block): clone whose child calls
// UkrunThreadMain(block) on the new stack. It lives here, beside the one SYSCALL, because
// a child cannot return through a frame that it does not have: the child of the raw call
// pops its entry point from the new stack instead.
extern "C" [[noreturn]] void UkrunThreadMain();
asm(R"(
  .text
  .globl UkrunThreadStart
  .hidden UkrunThreadStart
UkrunThreadStart:
  xor %ebp, %ebp
  and $-16, %rsp
  call UkrunThreadMain
  ud2
)");
extern "C" void UkrunThreadStart();

namespace ukrun {
namespace {

// Stacks whose thread has ended, or is about to.
constinit Mutex g_free_lock{LockRank::kThreads};
constinit ThreadBlock* g_free_list = nullptr;
constinit ThreadBlock g_main_block;
constinit uint64_t g_canary = 0;

ThreadBlock* TakeFreeBlock() {
  MutexGuard guard(g_free_lock);
  ThreadBlock** link = &g_free_list;
  while (ThreadBlock* block = *link) {
    if (block->alive.load(std::memory_order_acquire) == 0) {
      *link = block->next_free;
      return block;
    }
    link = &block->next_free;
  }
  return nullptr;
}

void GiveBlock(ThreadBlock* block) {
  MutexGuard guard(g_free_lock);
  block->next_free = g_free_list;
  g_free_list = block;
}

// The block sits at the top of its stack's 64 KiB.
ThreadBlock* NewBlock() {
  void* memory = HeapAllocatePages(kKernelStackBytes);
  if (memory == nullptr) {
    return nullptr;
  }
  uint64_t top = reinterpret_cast<uint64_t>(memory) + kKernelStackBytes;
  uint64_t place = (top - sizeof(ThreadBlock)) & ~uint64_t{63};
  auto* block = new (reinterpret_cast<void*>(place)) ThreadBlock;
  block->self = block;
  block->stack_canary = g_canary;
  return block;
}

}  // namespace

ThreadBlock& CurrentThread() {
  ThreadBlock* block;
  asm("mov %%fs:0, %0" : "=r"(block));
  return *block;
}

Result<void> StartKernelThread(void (*entry)(void*), void* argument) {
  ThreadBlock* block = TakeFreeBlock();
  if (block == nullptr) {
    block = NewBlock();
  }
  if (block == nullptr) {
    return Fail(ENOMEM);
  }
  block->entry = entry;
  block->argument = argument;
  block->task = nullptr;
  block->held_ranks = {};
  block->alive.store(1, std::memory_order_relaxed);
  uint64_t* stack = reinterpret_cast<uint64_t*>(block) - 2;
  *stack = reinterpret_cast<uint64_t>(&UkrunThreadStart);
  constexpr unsigned long kFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
                                   CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                                   CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  long result = RawHostCall(SYS_clone, kFlags, stack, &block->host_tid, &block->alive, block);
  if (result < 0) {
    block->alive.store(0, std::memory_order_relaxed);
    GiveBlock(block);
    return Fail(result == -ENOMEM ? ENOMEM : EAGAIN);
  }
  return Ok();
}

// The canary changes under this function, so it has none.
__attribute__((no_stack_protector)) void AdoptMainThread() {
  uint64_t random[1] = {0x9e3779b97f4a7c15};
  RawHostCall(SYS_getrandom, random, sizeof(random), 0);
  // A zero byte first, so that a string function that runs over stops at it.
  g_canary = random[0] & ~uint64_t{0xff};
  g_main_block.self = &g_main_block;
  g_main_block.stack_canary = g_canary;
  g_main_block.host_tid = static_cast<int32_t>(RawHostCall(SYS_gettid));
  g_main_block.alive.store(1, std::memory_order_relaxed);
  constexpr int kArchSetFs = 0x1002;
  RawHostCall(SYS_arch_prctl, kArchSetFs, &g_main_block);
}

// The free list may hold a block whose thread still runs its last instructions: it is
// taken again only once the host has cleared `alive`.
static void FinishThread(ThreadBlock& block) { GiveBlock(&block); }

}  // namespace ukrun

extern "C" void UkrunThreadMain() {
  ukrun::ThreadBlock& block = ukrun::CurrentThread();
  block.entry(block.argument);
  ukrun::FinishThread(block);
  ukrun::RawHostCall(SYS_exit, 0);
  __builtin_trap();
}
