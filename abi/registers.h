// The register file of an x86-64 thread, in the layout of <sys/user.h>'s
// user_regs_struct, which is also what PTRACE_GETREGS shows guests.
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct Registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
  uint64_t rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
  uint64_t fs_base, gs_base, ds, es, fs, gs;
};
static_assert(sizeof(Registers) == 27 * 8);

inline constexpr uint64_t kUserCs = 0x33;
inline constexpr uint64_t kUserSs = 0x2b;
// Flags that a guest may set for itself (sigreturn, ptrace): CF PF AF ZF SF TF DF OF NT RF AC ID.
inline constexpr uint64_t kUserFlags = 0x254dd5;
inline constexpr uint64_t kTrapFlag = 0x100;
inline constexpr uint64_t kDirectionFlag = 0x400;

}  // namespace ukrun::abi
