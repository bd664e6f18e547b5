// The frame that a signal handler finds (struct rt_sigframe of x86-64).
#pragma once

#include <cstdint>

#include "abi/signal.h"

namespace ukrun::abi {

struct SigContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
  uint16_t cs, gs, fs, ss;
  uint64_t error_code, trap_number, old_mask, fault_address;
  uint64_t fp_state;  // address of the FpState; 0: none
  uint64_t reserved[8];
};
static_assert(sizeof(SigContext) == 256);

inline constexpr uint64_t kUcFpXstate = 1, kUcSigcontextSs = 2, kUcStrictRestoreSs = 4;

struct UContext {
  uint64_t flags;
  uint64_t link;
  SigAltStack stack;
  SigContext context;
  SignalSet mask;
};
static_assert(sizeof(UContext) == 304);

struct RtSigFrame {
  uint64_t return_address;
  UContext ucontext;
  SigInfo info;
};
static_assert(sizeof(RtSigFrame) == 440);

// In the XSAVE area's software bytes, at kFpSoftwareOffset, as struct _fpx_sw_bytes.
struct FpSoftwareBytes {
  uint32_t magic1;
  uint32_t extended_size;  // with the closing magic2
  uint64_t xfeatures;
  uint32_t xstate_size;
  uint32_t padding[7];
};
static_assert(sizeof(FpSoftwareBytes) == 48);
inline constexpr uint64_t kFpSoftwareOffset = 464;
inline constexpr uint32_t kFpMagic1 = 0x46505853;
inline constexpr uint32_t kFpMagic2 = 0x46505845;
inline constexpr uint64_t kFpLegacyBytes = 512;

}  // namespace ukrun::abi
