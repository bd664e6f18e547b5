// The bytes that a new program finds on its stack: argc, argv, envp, the auxiliary vector,
// and above them the strings. From low to high, as on Linux:
//
//   stack pointer → argc | argv… 0 | envp… 0 | auxv… | random bytes, platform name |
//   argument strings | environment strings | file name | 8 zero bytes ← stack top
//
// Used by execve, which first charges every string to an ArgumentBudget while it copies
// them (that is where E2BIG comes from) and hands the bytes to mm when the new stack is
// mapped. Nothing here touches guest memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/auxv.h"
#include "base/page.h"
#include "base/result.h"

namespace ukrun {

// MAX_ARG_STRLEN: one string, its NUL included.
inline constexpr size_t kMaxArgumentBytes = 128 * 1024;
// All strings and pointers together: a quarter of the stack limit, but at most three
// quarters of 8 MiB, and at least ARG_MAX (as far as a small stack holds that).
inline constexpr uint64_t kMostArgumentBytes = 6 * 1024 * 1024;
inline constexpr uint64_t kLeastArgumentBytes = 128 * 1024;

// Linux's limit on the arguments of execve. Every string that will lie on the stack is
// charged: the file name, the environment and the arguments.
class ArgumentBudget {
 public:
  // The pointers are paid here. The counts are those of the call: what a script's
  // interpreter line adds is not counted, as on Linux. `stack_limit` is RLIMIT_STACK's soft
  // value. Errors: E2BIG.
  static Result<ArgumentBudget> Create(uint64_t argument_count, uint64_t environment_count,
                                       uint64_t stack_limit);

  // `length` is without the NUL. Errors: E2BIG.
  Result<void> Charge(uint64_t length);
  // Gives back a string: execve of a script drops argv[0].
  void Refund(uint64_t length) { left_ += length + 1; }

  // The longest string that may still be charged, without its NUL; so that copying from
  // the guest can stop there.
  uint64_t LongestString() const;

 private:
  explicit ArgumentBudget(uint64_t left) : left_(left) {}

  uint64_t left_;
};

// What goes into the auxiliary vector, apart from the addresses of things on the stack.
struct AuxValues {
  uint64_t sysinfo_ehdr = 0;          // the vDSO; 0: there is none, and no entry
  uint64_t minimum_signal_stack = 0;  // AT_MINSIGSTKSZ; 0: no entry
  uint64_t hwcap = 0;
  uint64_t hwcap2 = 0;
  uint64_t clock_ticks = 100;
  uint64_t phdr_address = 0;  // with the bias
  uint64_t phdr_count = 0;
  uint64_t interpreter_base = 0;  // the interpreter's bias; 0 without one
  uint64_t entry = 0;             // the program's own entry, with the bias
  uint32_t uid = 0;
  uint32_t euid = 0;
  uint32_t gid = 0;
  uint32_t egid = 0;
  bool secure = false;
  uint64_t rseq_feature_size = 0;  // 0: neither of the two rseq entries
  uint64_t rseq_align = 0;
};

struct InitialStackInput {
  // One past the stack's last byte; a multiple of a page.
  uint64_t stack_top = 0;
  // An empty list becomes one empty string, as on Linux since 5.18. No string holds a NUL.
  std::span<const std::string> arguments;
  std::span<const std::string> environment;
  // AT_EXECFN: the path as given to execve.
  std::string_view file_name;
  AuxValues aux;
  std::array<std::byte, 16> random{};
  // How far the tables are moved down from the strings so that programs do not all use the
  // same cache lines: Layout::stack_shift. Less than 8192.
  uint64_t shift = 0;
};

struct InitialStack {
  // A multiple of 16. bytes[0] lies here, and bytes reach up to the stack top.
  uint64_t stack_pointer = 0;
  std::vector<std::byte> bytes;
  // For /proc/PID/cmdline, environ, stat and auxv (AT_NULL included).
  uint64_t arg_start = 0;
  uint64_t arg_end = 0;
  uint64_t env_start = 0;
  uint64_t env_end = 0;
  std::vector<abi::AuxEntry> auxv;
};

// Requires: stack_top is high enough (16 MiB suffice for what an ArgumentBudget lets pass).
InitialStack BuildInitialStack(const InitialStackInput& input);

// How much stack Linux maps at first: 128 KiB more than the strings, within the limit, and
// what the tables need. In whole pages; from stack_pointer + bytes.size() downwards.
// Errors: EFAULT if the tables are beyond the limit, which Linux notices when the old
// program is gone (the task dies by SIGSEGV).
Result<uint64_t> InitialStackMappingBytes(const InitialStack& stack, uint64_t stack_limit);

}  // namespace ukrun
