// System calls that no kernel has, and the calling convention that all others share.

#include <climits>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class MissingSyscallsTest : public DeadlineTest {};

// The bare instruction: the number in the whole of RAX and the result as the kernel leaves it.
long RawCall(long number) {
  long result = number;
  asm volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
  return result;
}

TEST_F(MissingSyscallsTest, NumbersBeyondTheTableFailWithEnosys) {
  for (const long number : {600L, 1000L, 9999L, 0xffffL, 0x12345678L, long{INT_MAX}}) {
    EXPECT_ERRNO(ENOSYS, syscall(number, 0, 0, 0, 0, 0, 0)) << number;
  }
}

TEST_F(MissingSyscallsTest, NegativeNumbersFailWithEnosys) {
  for (const long number : {-1L, -2L, -38L, long{INT_MIN}}) {
    EXPECT_ERRNO(ENOSYS, syscall(number, 0, 0, 0, 0, 0, 0)) << number;
  }
}

TEST_F(MissingSyscallsTest, NumbersInTheGapFailWithEnosys) {
  // Nothing was ever given the numbers from 387 to 423.
  for (long number = 387; number <= 423; ++number) {
    EXPECT_ERRNO(ENOSYS, syscall(number, 0, 0, 0, 0, 0, 0)) << number;
  }
}

TEST_F(MissingSyscallsTest, RetiredCallsFailWithEnosys) {
  for (const long number :
       {SYS_create_module, SYS_get_kernel_syms, SYS_query_module, SYS_nfsservctl, SYS_getpmsg,
        SYS_putpmsg, SYS_afs_syscall, SYS_tuxcall, SYS_security, SYS_vserver, SYS__sysctl,
        SYS_epoll_ctl_old, SYS_epoll_wait_old, SYS_set_thread_area, SYS_get_thread_area}) {
    EXPECT_ERRNO(ENOSYS, syscall(number, 0, 0, 0, 0, 0, 0)) << number;
  }
}

TEST_F(MissingSyscallsTest, ArgumentsOfAMissingCallAreNotLookedAt) {
  EXPECT_ERRNO(ENOSYS, syscall(9999, 8, ~0UL, 0x8000'0000'0000UL, -1, 1, 2));
}

TEST_F(MissingSyscallsTest, MissingCallDoesNotDisturbTheProcess) {
  EXPECT_EQ(RunInChild([] {
              for (int i = 0; i < 1000; ++i) {
                CHILD_CHECK(RawCall(9999) == -ENOSYS);
              }
              return 3;
            }),
            "exited 3");
}

TEST_F(MissingSyscallsTest, UpperHalfOfTheNumberIsIgnored) {
  EXPECT_EQ(RawCall(SYS_getpid), getpid());
  EXPECT_EQ(RawCall((1L << 32) | SYS_getpid), getpid());
  EXPECT_EQ(RawCall(static_cast<long>(0xdead'beefUL << 32) | SYS_getpid), getpid());
  EXPECT_EQ(RawCall((1L << 32) | 9999), -ENOSYS);
}

TEST_F(MissingSyscallsTest, CallKeepsEveryRegisterButThree) {
  uint64_t bad = 0;
  asm volatile(
      "mov $39, %%eax; mov $2, %%rbx; mov $4, %%rdx; mov $5, %%rsi; mov $6, %%rdi\n"
      "mov $8, %%r8; mov $9, %%r9; mov $10, %%r10; mov $12, %%r12; mov $13, %%r13\n"
      "mov $14, %%r14; mov $15, %%r15; syscall\n"
      "sub $2, %%rbx; sub $4, %%rdx; sub $5, %%rsi; sub $6, %%rdi; sub $8, %%r8; sub $9, %%r9\n"
      "sub $10, %%r10; sub $12, %%r12; sub $13, %%r13; sub $14, %%r14; sub $15, %%r15\n"
      "mov %%rbx, %%rax; or %%rdx, %%rax; or %%rsi, %%rax; or %%rdi, %%rax; or %%r8, %%rax\n"
      "or %%r9, %%rax; or %%r10, %%rax; or %%r12, %%rax; or %%r13, %%rax; or %%r14, %%rax\n"
      "or %%r15, %%rax"
      : "=&a"(bad)
      :
      : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "cc", "memory");
  EXPECT_EQ(bad, 0u);
}

TEST_F(MissingSyscallsTest, CallLeavesTheReturnAddressInRcxAndTheFlagsInR11) {
  uint64_t rcx = 0, r11 = 0, after = 0;
  asm volatile(
      "mov $39, %%eax; stc; syscall; 1: lea 1b(%%rip), %%rdx\n"
      "mov %%rcx, %0; mov %%r11, %1; mov %%rdx, %2"
      : "=&S"(rcx), "=&D"(r11), "=&b"(after)
      :
      : "rax", "rcx", "rdx", "r11", "cc", "memory");
  EXPECT_EQ(rcx, after);
  EXPECT_EQ(r11 & 1, 1u);          // The carry that was set,
  EXPECT_EQ(r11 & 0x200, 0x200u);  // interrupts enabled.
}

TEST_F(MissingSyscallsTest, CallKeepsTheFlags) {
  bool carry = false;
  asm volatile("mov $39, %%eax; stc; syscall" : "=@ccc"(carry) : : "rax", "rcx", "r11", "memory");
  EXPECT_TRUE(carry);
}

TEST_F(MissingSyscallsTest, CallKeepsTheVectorRegisters) {
  uint64_t low = 0, high = 0;
  asm volatile(
      "mov $0x5a5a5a, %%rdx; movq %%rdx, %%xmm1; movq %%rdx, %%xmm15; mov $39, %%eax; syscall\n"
      "movq %%xmm1, %0; movq %%xmm15, %1"
      : "=&S"(low), "=&D"(high)
      :
      : "rax", "rcx", "rdx", "r11", "xmm1", "xmm15", "memory");
  EXPECT_EQ(low, 0x5a5a5au);
  EXPECT_EQ(high, 0x5a5a5au);
}

}  // namespace
}  // namespace compat
