// Registers around a signal handler: what it sees, what it may change, and what comes back
// unharmed.

#include <cpuid.h>
#include <immintrin.h>
#include <ucontext.h>

#include <atomic>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class SignalRegisterTest : public DeadlineTest {};

greg_t g_seen[NGREG];

TEST_F(SignalRegisterTest, HandlerSeesTheInterruptedRegisters) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    memcpy(g_seen, registers, sizeof(g_seen));
    registers[REG_RIP] += 2;
  });
  asm volatile(
      "mov $0x1111, %%rax; mov $0x2222, %%rcx; mov $0x3333, %%rdx; mov $0x4444, %%rsi\n"
      "mov $0x5555, %%rdi; mov $0x6666, %%r8; mov $0x7777, %%r9; mov $0x8888, %%r10\n"
      "mov $0x9999, %%r11; mov $0xaaaa, %%r12; mov $0xbbbb, %%r13; mov $0xcccc, %%r14\n"
      "mov $0xdddd, %%r15; ud2" ::
          : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
            "memory");
  const int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R9,
                       REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  greg_t expected = 0x1111;
  for (const int index : order) {
    EXPECT_EQ(g_seen[index], expected) << "register " << index;
    expected += 0x1111;
  }
}

TEST_F(SignalRegisterTest, AllGeneralRegistersSurviveAHandler) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    asm volatile("" ::: "rbx", "r12", "r13", "r14", "r15");
  });
  uint64_t bad = 0;
  asm volatile(
      "mov $1, %%rax; mov $2, %%rbx; mov $3, %%rcx; mov $4, %%rdx; mov $5, %%rsi; mov $6, %%rdi\n"
      "mov $8, %%r8; mov $9, %%r9; mov $10, %%r10; mov $11, %%r11; mov $12, %%r12\n"
      "mov $13, %%r13; mov $14, %%r14; mov $15, %%r15; ud2\n"
      "sub $1, %%rax; sub $2, %%rbx; sub $3, %%rcx; sub $4, %%rdx; sub $5, %%rsi; sub $6, %%rdi\n"
      "sub $8, %%r8; sub $9, %%r9; sub $10, %%r10; sub $11, %%r11; sub $12, %%r12\n"
      "sub $13, %%r13; sub $14, %%r14; sub $15, %%r15\n"
      "or %%rbx, %%rax; or %%rcx, %%rax; or %%rdx, %%rax; or %%rsi, %%rax; or %%rdi, %%rax\n"
      "or %%r8, %%rax; or %%r9, %%rax; or %%r10, %%rax; or %%r11, %%rax; or %%r12, %%rax\n"
      "or %%r13, %%rax; or %%r14, %%rax; or %%r15, %%rax"
      : "=&a"(bad)
      :
      : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "cc", "memory");
  EXPECT_EQ(bad, 0u);
}

TEST_F(SignalRegisterTest, ChangedRegistersTakeEffect) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    registers[REG_RAX] = 0x0123'4567'89ab'cdef;
    registers[REG_R15] = -7;
    registers[REG_RIP] += 2;
  });
  uint64_t rax = 0;
  int64_t r15 = 0;
  asm volatile("ud2; mov %%r15, %1" : "=a"(rax), "=r"(r15) : : "r15");
  EXPECT_EQ(rax, 0x0123'4567'89ab'cdefu);
  EXPECT_EQ(r15, -7);
}

TEST_F(SignalRegisterTest, HandlerMayContinueElsewhere) {
  static void* target;
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] =
        reinterpret_cast<greg_t>(target);
  });
  int path = 0;
  asm volatile(
      "lea 1f(%%rip), %%rcx; mov %%rcx, %1; ud2; mov $1, %0; jmp 2f\n"
      "1: mov $2, %0\n2:"
      : "=&r"(path), "=m"(target)
      :
      : "rcx", "memory");
  EXPECT_EQ(path, 2);
}

TEST_F(SignalRegisterTest, FlagsSurviveAndCanBeChanged) {
  static greg_t flags;
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    flags = registers[REG_EFL];
    registers[REG_EFL] &= ~greg_t{1};  // Clears the carry.
    registers[REG_RIP] += 2;
  });
  bool carry = true;
  asm volatile("stc; ud2" : "=@ccc"(carry));
  EXPECT_EQ(flags & 1, 1);
  EXPECT_FALSE(carry);
}

TEST_F(SignalRegisterTest, HandlerStartsWithTheDirectionFlagClear) {
  static uint64_t in_handler;
  static greg_t in_context;
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    in_context = registers[REG_EFL];
    registers[REG_RIP] += 2;
    asm volatile("sub $128, %%rsp; pushfq; pop %0; add $128, %%rsp" : "=r"(in_handler)::"cc");
  });
  uint64_t after = 0;
  asm volatile("std; ud2; sub $128, %%rsp; pushfq; pop %0; add $128, %%rsp; cld"
               : "=r"(after)::"cc", "memory");
  EXPECT_EQ(in_handler & 0x400, 0u);
  EXPECT_EQ(in_context & 0x400, 0x400);
  EXPECT_EQ(after & 0x400, 0x400u);
}

TEST_F(SignalRegisterTest, RedZoneBelowTheStackPointerIsLeftAlone) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
  });
  uint64_t first = 0, last = 0;
  asm volatile(
      "movq $0x77, -8(%%rsp); movq $0x88, -128(%%rsp); ud2\n"
      "mov -8(%%rsp), %0; mov -128(%%rsp), %1"
      : "=&r"(first), "=&r"(last)
      :
      : "memory");
  EXPECT_EQ(first, 0x77u);
  EXPECT_EQ(last, 0x88u);
}

TEST_F(SignalRegisterTest, HandlersStackIsAligned) {
  static uint64_t misalignment;
  ScopedAction action(SIGUSR1, [](int) {
    misalignment = reinterpret_cast<uint64_t>(__builtin_frame_address(0)) % 16;
  });
  raise(SIGUSR1);
  EXPECT_EQ(misalignment, 0u);
}

TEST_F(SignalRegisterTest, SseRegistersSurviveAHandlerThatUsesThem) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    asm volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15" ::
                     : "xmm0", "xmm7", "xmm15");
  });
  uint64_t low = 0, middle = 0, high = 0;
  asm volatile(
      "mov $0x1234567, %%rax; movq %%rax, %%xmm0; inc %%rax; movq %%rax, %%xmm7\n"
      "inc %%rax; movq %%rax, %%xmm15; ud2\n"
      "movq %%xmm0, %0; movq %%xmm7, %1; movq %%xmm15, %2"
      : "=&r"(low), "=&r"(middle), "=&r"(high)
      :
      : "rax", "xmm0", "xmm7", "xmm15", "memory");
  EXPECT_EQ(low, 0x1234567u);
  EXPECT_EQ(middle, 0x1234568u);
  EXPECT_EQ(high, 0x1234569u);
}

// Whether the processor and the system keep the AVX state.
bool HasAvx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_AVX) != 0 && (c & bit_OSXSAVE) != 0;
}

__attribute__((target("avx"))) void FillYmm7(const uint64_t* values) {
  asm volatile("vmovdqu %0, %%ymm7" ::"m"(*reinterpret_cast<const __m256i_u*>(values)) : "xmm7");
}

TEST_F(SignalRegisterTest, UpperHalvesOfAvxRegistersSurvive) {
  if (!HasAvx()) {
    GTEST_SKIP() << "the processor has no AVX";
  }
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    const uint64_t other[4] = {9, 9, 9, 9};
    FillYmm7(other);
  });
  const uint64_t before[4] = {11, 22, 33, 44};
  uint64_t after[4] = {};
  asm volatile("vmovdqu %1, %%ymm7; ud2; vmovdqu %%ymm7, %0; vzeroupper"
               : "=m"(*reinterpret_cast<char(*)[32]>(after))
               : "m"(*reinterpret_cast<const char(*)[32]>(before))
               : "xmm7", "memory");
  EXPECT_EQ(memcmp(before, after, sizeof(before)), 0);
}

TEST_F(SignalRegisterTest, ChangedSseRegisterInTheFrameTakesEffect) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    auto* machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
    machine->gregs[REG_RIP] += 2;
    machine->fpregs->_xmm[5].element[0] = 0xabcd;
    machine->fpregs->_xmm[5].element[1] = 0;
  });
  uint64_t value = 0;
  asm volatile("pxor %%xmm5, %%xmm5; ud2; movq %%xmm5, %0" : "=r"(value) : : "xmm5", "memory");
  EXPECT_EQ(value, 0xabcdu);
}

TEST_F(SignalRegisterTest, FloatingPointControlSurvivesAndTheHandlerStartsWithTheDefault) {
  static unsigned in_handler;
  static uint16_t x87_in_handler;
  ScopedAction action(SIGUSR1, [](int) {
    in_handler = __builtin_ia32_stmxcsr();
    asm volatile("fnstcw %0" : "=m"(x87_in_handler));
    __builtin_ia32_ldmxcsr(0x1f80);
  });
  const unsigned rounding_down = 0x1f80 | 0x2000;
  const uint16_t single_precision = 0x007f, extended = 0x037f;
  __builtin_ia32_ldmxcsr(rounding_down);
  asm volatile("fldcw %0" ::"m"(single_precision));
  raise(SIGUSR1);
  const unsigned after = __builtin_ia32_stmxcsr();
  uint16_t x87_after = 0;
  asm volatile("fnstcw %0; fldcw %1" : "=m"(x87_after) : "m"(extended));
  __builtin_ia32_ldmxcsr(0x1f80);
  EXPECT_EQ(after & 0xffc0U, rounding_down);
  EXPECT_EQ(x87_after, single_precision);
  EXPECT_EQ(in_handler & 0xffc0U, 0x1f80u);
  EXPECT_EQ(x87_in_handler, extended);
}

TEST_F(SignalRegisterTest, X87StackSurvives) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    asm volatile("fninit; fldz; fldz");
  });
  double one = 0, pi = 0;
  asm volatile("fldpi; fld1; ud2; fstpl %0; fstpl %1" : "=m"(one), "=m"(pi) : : "memory");
  EXPECT_EQ(one, 1.0);
  EXPECT_NEAR(pi, 3.14159265358979, 1e-12);
}

TEST_F(SignalRegisterTest, ComputationIsNotDisturbedByAThousandSignals) {
  static std::atomic<int> count;
  count = 0;
  ScopedAction action(SIGUSR1, [](int) {
    count.fetch_add(1);
    volatile double x = count.load();
    x = x * 1.5;
  });
  const pthread_t target = pthread_self();
  std::atomic<bool> done = false;
  std::thread sender([&] {
    const sigset_t set = SignalSet({SIGUSR1});
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (int i = 0; i < 1000; ++i) {
      pthread_kill(target, SIGUSR1);
      sched_yield();
    }
    done = true;
  });
  int wrong = 0;
  while (!done) {
    double sum = 0;
    uint64_t hash = 1;
    for (int i = 1; i <= 1000; ++i) {
      sum += 1.0 / i;
      hash = hash * 6364136223846793005ULL + 1;
    }
    wrong += sum > 7.4854708605503 && sum < 7.4854708605504 ? 0 : 1;
    volatile uint64_t kept = hash;
    static_cast<void>(kept);
  }
  sender.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace compat
