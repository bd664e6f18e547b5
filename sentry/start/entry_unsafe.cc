// The image's entry point. The first stage jumps here, on its own stack, with BootInfo in
// rdi. What follows: relocate the image, move to a stack in the window, drop everything
// outside the window, set up heap and main thread, and go on in SentryMain.
#include <elf.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/host_call.h"
#include "base/thread.h"
#include "base/window.h"
#include "sentry/start/sentry_main.h"
#include "ukrun/startup.h"

asm(R"(
  .text
  .globl UkrunStart
  .hidden UkrunStart
UkrunStart:
  xor %ebp, %ebp
  mov %rdi, %rbx
  lea __ehdr_start(%rip), %rdi
  lea _DYNAMIC(%rip), %rsi
  and $-16, %rsp
  call UkrunRelocate
  lea ukrun_main_stack_end(%rip), %rsp
  mov %rbx, %rdi
  call UkrunEnter
  ud2

  .bss
  .balign 4096
ukrun_main_stack:
  .skip 131072
ukrun_main_stack_end:
  .text
)");

// Applies the image's relative relocations; there are no others (lint/ checks that).
// Runs before anything is relocated: no globals, no calls.
extern "C" __attribute__((no_stack_protector, used)) void UkrunRelocate(uint64_t base,
                                                                        const Elf64_Dyn* dynamic) {
  const Elf64_Rela* table = nullptr;
  uint64_t bytes = 0;
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_RELA) {
      table = reinterpret_cast<const Elf64_Rela*>(base + dynamic->d_un.d_ptr);
    } else if (dynamic->d_tag == DT_RELASZ) {
      bytes = dynamic->d_un.d_val;
    }
  }
  for (uint64_t i = 0; i < bytes / sizeof(Elf64_Rela); ++i) {
    if (ELF64_R_TYPE(table[i].r_info) == R_X86_64_RELATIVE) {
      *reinterpret_cast<uint64_t*>(base + table[i].r_offset) =
          base + static_cast<uint64_t>(table[i].r_addend);
    }
  }
}

namespace ukrun {
namespace {

// BootInfo lies on the first stage's stack, which is about to go.
constinit startup::BootInfo g_boot;

void DropEverythingOutsideTheWindow() {
  UKRUN_CHECK(RawHostCall(SYS_munmap, 0, kWindowBegin) == 0);
  UKRUN_CHECK(RawHostCall(SYS_munmap, kWindowEnd, kUserEnd - kWindowEnd) == 0);
}

void SetSignalDispositions() {
  // Broken host pipes are errors, not deaths; nothing else has a handler. The supervisor
  // may have started us with signals blocked.
  struct KernelSigaction {
    uint64_t handler, flags, restorer, mask;
  };
  KernelSigaction ignore{1, 0, 0, 0};
  RawHostCall(SYS_rt_sigaction, SIGPIPE, &ignore, nullptr, sizeof(uint64_t));
  uint64_t none = 0;
  RawHostCall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

}  // namespace
}  // namespace ukrun

extern "C" __attribute__((no_stack_protector, used)) [[noreturn]] void UkrunEnter(
    const ukrun::startup::BootInfo* boot) {
  ukrun::g_boot = *boot;
  // First of all a thread block of our own: the old one goes with the first stage, and every
  // function with a stack canary reads it.
  ukrun::AdoptMainThread();
  ukrun::DropEverythingOutsideTheWindow();
  ukrun::HeapInitialize();
  ukrun::SetSignalDispositions();
  ukrun::SentryMain(ukrun::g_boot);
}
