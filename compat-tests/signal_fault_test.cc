// Signals of faulting instructions: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, and how a handler
// recovers. signal_register_test.cc checks the registers around a handler.

#include <sys/resource.h>
#include <ucontext.h>

#include <csetjmp>
#include <thread>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

constexpr size_t kPage = 4096;

siginfo_t g_info;
sigjmp_buf g_escape;
greg_t g_error, g_trap, g_address, g_pc;

void Escape(int, siginfo_t* info, void* context) {
  const greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  g_info = *info;
  g_error = registers[REG_ERR];
  g_trap = registers[REG_TRAPNO];
  g_address = registers[REG_CR2];
  g_pc = registers[REG_RIP];
  siglongjmp(g_escape, 1);
}

class SignalFaultTest : public DeadlineTest {
 protected:
  // Runs `body`; true when it ended with signal `number`, whose information is then in g_info.
  template <typename Body>
  bool Faults(int number, Body body) {
    g_info = {};
    ScopedAction action(number, Escape);
    if (sigsetjmp(g_escape, 1) == 0) {
      body();
      return false;
    }
    return g_info.si_signo == number;
  }

  volatile char* Map(int protection, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1,
                     size_t size = kPage) {
    void* address = mmap(nullptr, size, protection, flags, fd, 0);
    EXPECT_NE(address, MAP_FAILED);
    return static_cast<volatile char*>(address);
  }
};

// What the processor says about a page fault (the error code in the context).
constexpr greg_t kFaultProtection = 1, kFaultWrite = 2, kFaultUser = 4, kFaultFetch = 16;
constexpr greg_t kTrapDivide = 0, kTrapBreakpoint = 3, kTrapIllegal = 6, kTrapGeneral = 13,
                 kTrapPage = 14;

TEST_F(SignalFaultTest, ReadOfUnmappedMemoryIsMaperr) {
  volatile char* page = Map(PROT_READ);
  munmap(const_cast<char*>(page), kPage);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { static_cast<void>(page[123]); }));
  EXPECT_EQ(g_info.si_code, SEGV_MAPERR);
  EXPECT_EQ(g_info.si_addr, page + 123);
  EXPECT_EQ(g_trap, kTrapPage);
  EXPECT_EQ(g_error, kFaultUser);
  EXPECT_EQ(g_address, reinterpret_cast<greg_t>(page + 123));
}

TEST_F(SignalFaultTest, WriteToUnmappedMemoryIsMaperrWithTheWriteBit) {
  volatile char* page = Map(PROT_READ);
  munmap(const_cast<char*>(page), kPage);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { page[5] = 1; }));
  EXPECT_EQ(g_info.si_code, SEGV_MAPERR);
  EXPECT_EQ(g_info.si_addr, page + 5);
  EXPECT_EQ(g_error, kFaultUser | kFaultWrite);
}

TEST_F(SignalFaultTest, NullPointerIsMaperrAtZero) {
  volatile char* volatile null = nullptr;
  ASSERT_TRUE(Faults(SIGSEGV, [&] { static_cast<void>(*null); }));
  EXPECT_EQ(g_info.si_code, SEGV_MAPERR);
  EXPECT_EQ(g_info.si_addr, nullptr);
}

TEST_F(SignalFaultTest, WriteToAReadOnlyPageIsAccerr) {
  volatile char* page = Map(PROT_READ);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { page[7] = 1; }));
  EXPECT_EQ(g_info.si_code, SEGV_ACCERR);
  EXPECT_EQ(g_info.si_addr, page + 7);
  EXPECT_EQ(g_error & (kFaultUser | kFaultWrite), kFaultUser | kFaultWrite);
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, WriteToAReadOnlyPageThatIsPresentHasTheProtectionBit) {
  volatile char* page = Map(PROT_READ | PROT_WRITE);
  page[0] = 1;
  ASSERT_EQ(mprotect(const_cast<char*>(page), kPage, PROT_READ), 0);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { page[7] = 1; }));
  EXPECT_EQ(g_info.si_code, SEGV_ACCERR);
  EXPECT_EQ(g_error, kFaultUser | kFaultWrite | kFaultProtection);
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, ReadOfAPageWithoutAccessIsAccerr) {
  volatile char* page = Map(PROT_NONE);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { static_cast<void>(page[9]); }));
  EXPECT_EQ(g_info.si_code, SEGV_ACCERR);
  EXPECT_EQ(g_info.si_addr, page + 9);
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, ExecutionOfAPageWithoutTheRightIsAccerr) {
  volatile char* page = Map(PROT_READ | PROT_WRITE);
  page[0] = static_cast<char>(0xc3);
  const auto function = reinterpret_cast<void (*)()>(const_cast<char*>(page));
  ASSERT_TRUE(Faults(SIGSEGV, [&] { function(); }));
  EXPECT_EQ(g_info.si_code, SEGV_ACCERR);
  EXPECT_EQ(g_info.si_addr, page);
  EXPECT_EQ(g_pc, reinterpret_cast<greg_t>(page));
  EXPECT_EQ(g_error & kFaultFetch, kFaultFetch);
  ASSERT_EQ(mprotect(const_cast<char*>(page), kPage, PROT_READ | PROT_EXEC), 0);
  EXPECT_FALSE(Faults(SIGSEGV, [&] { function(); }));
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, JumpToUnmappedMemoryIsMaperr) {
  const auto function = reinterpret_cast<void (*)()>(0x10);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { function(); }));
  EXPECT_EQ(g_info.si_code, SEGV_MAPERR);
  EXPECT_EQ(g_info.si_addr, reinterpret_cast<void*>(0x10));
}

TEST_F(SignalFaultTest, NonCanonicalAddressComesFromTheKernelWithoutAnAddress) {
  volatile char* volatile bad = reinterpret_cast<volatile char*>(0x1234'5678'9abc'def0);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { static_cast<void>(*bad); }));
  EXPECT_EQ(g_info.si_code, SI_KERNEL);
  EXPECT_EQ(g_info.si_addr, nullptr);
  EXPECT_EQ(g_trap, kTrapGeneral);
}

TEST_F(SignalFaultTest, KernelAddressIsMaperrAndLooksLikeAProtectionFault) {
  volatile char* volatile kernel = reinterpret_cast<volatile char*>(0xffff'ffff'8000'1000);
  ASSERT_TRUE(Faults(SIGSEGV, [&] { static_cast<void>(*kernel); }));
  EXPECT_EQ(g_info.si_code, SEGV_MAPERR);
  EXPECT_EQ(g_info.si_addr, kernel);
  EXPECT_EQ(g_error, kFaultUser | kFaultProtection);
}

TEST_F(SignalFaultTest, PrivilegedInstructionIsAGeneralProtectionFault) {
  ASSERT_TRUE(Faults(SIGSEGV, [] { asm volatile("hlt"); }));
  EXPECT_EQ(g_info.si_code, SI_KERNEL);
  EXPECT_EQ(g_trap, kTrapGeneral);
}

TEST_F(SignalFaultTest, AccessBeyondTheEndOfAFileIsBusAdrerr) {
  const Fd file(memfd_create("short", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 100), 0);
  volatile char* pages = Map(PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 2 * kPage);
  EXPECT_EQ(pages[kPage - 1], 0);  // The rest of the last page reads as zero.
  ASSERT_TRUE(Faults(SIGBUS, [&] { static_cast<void>(pages[kPage + 3]); }));
  EXPECT_EQ(g_info.si_code, BUS_ADRERR);
  EXPECT_EQ(g_info.si_addr, pages + kPage + 3);
  munmap(const_cast<char*>(pages), 2 * kPage);
}

TEST_F(SignalFaultTest, PageOfAFileTruncatedUnderTheMappingIsBusAdrerr) {
  const Fd file(memfd_create("truncated", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), kPage), 0);
  volatile char* page = Map(PROT_READ | PROT_WRITE, MAP_SHARED, file.get());
  page[0] = 1;
  ASSERT_EQ(ftruncate(file.get(), 0), 0);
  ASSERT_TRUE(Faults(SIGBUS, [&] { page[0] = 2; }));
  EXPECT_EQ(g_info.si_code, BUS_ADRERR);
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, IntegerDivisionByZeroIsIntdiv) {
  ASSERT_TRUE(Faults(SIGFPE, [] {
    asm volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; idiv %%ecx" ::
                     : "eax", "ecx", "edx");
  }));
  EXPECT_EQ(g_info.si_code, FPE_INTDIV);
  EXPECT_EQ(g_info.si_addr, reinterpret_cast<void*>(g_pc));
  EXPECT_EQ(g_trap, kTrapDivide);
}

TEST_F(SignalFaultTest, UnmaskedSseDivisionByZeroIsFltdiv) {
  const unsigned before = __builtin_ia32_stmxcsr();
  ASSERT_TRUE(Faults(SIGFPE, [] {
    __builtin_ia32_ldmxcsr(0x1f80 & ~0x200U);
    volatile double zero = 0, one = 1;
    volatile double result = one / zero;
    static_cast<void>(result);
  }));
  __builtin_ia32_ldmxcsr(before);
  EXPECT_EQ(g_info.si_code, FPE_FLTDIV);
}

TEST_F(SignalFaultTest, UnmaskedX87DivisionByZeroIsFltdiv) {
  ASSERT_TRUE(Faults(SIGFPE, [] {
    const uint16_t control = 0x037b;
    asm volatile("fninit; fldcw %0; fldz; fld1; fdivp; fwait" ::"m"(control));
  }));
  asm volatile("fninit");
  EXPECT_EQ(g_info.si_code, FPE_FLTDIV);
}

TEST_F(SignalFaultTest, UndefinedInstructionIsIllopn) {
  ASSERT_TRUE(Faults(SIGILL, [] { asm volatile("ud2"); }));
  EXPECT_EQ(g_info.si_code, ILL_ILLOPN);
  EXPECT_EQ(g_info.si_addr, reinterpret_cast<void*>(g_pc));
  EXPECT_EQ(g_trap, kTrapIllegal);
}

TEST_F(SignalFaultTest, BreakpointIsATrapFromTheKernelAfterTheInstruction) {
  static volatile greg_t pc;
  static volatile int code;
  static volatile greg_t trap;
  ScopedAction action(SIGTRAP, [](int, siginfo_t* info, void* context) {
    pc = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    trap = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_TRAPNO];
    code = info->si_code;
  });
  greg_t after = 0;
  asm volatile("int3; 1: lea 1b(%%rip), %0" : "=r"(after));
  EXPECT_EQ(pc, after);
  EXPECT_EQ(code, SI_KERNEL);
  EXPECT_EQ(trap, kTrapBreakpoint);
}

TEST_F(SignalFaultTest, TrapFlagStepsOneInstruction) {
  static volatile int steps, code;
  steps = 0;
  ScopedAction action(SIGTRAP, [](int, siginfo_t* info, void* context) {
    code = info->si_code;
    steps = steps + 1;
    if (steps >= 3) {
      static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~greg_t{0x100};
    }
  });
  // Below the red zone, which pushf would overwrite.
  asm volatile(
      "sub $128, %%rsp; pushfq; orl $0x100, (%%rsp); popfq; nop; nop; nop; nop; add $128, %%rsp" ::
          : "cc", "memory");
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(code, TRAP_TRACE);
}

TEST_F(SignalFaultTest, HandlerMayRepairTheCause) {
  static volatile char* page;
  page = Map(PROT_NONE);
  ScopedAction action(SIGSEGV, [](int, siginfo_t*, void*) {
    mprotect(const_cast<char*>(page), kPage, PROT_READ | PROT_WRITE);
  });
  page[0] = 42;  // Faults, is repaired, runs again.
  EXPECT_EQ(page[0], 42);
  munmap(const_cast<char*>(page), kPage);
}

TEST_F(SignalFaultTest, HandlerMaySkipTheInstruction) {
  ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
  });
  asm volatile("ud2");
  SUCCEED();
}

TEST_F(SignalFaultTest, FaultWhileTheSignalIsBlockedIsFatal) {
  EXPECT_EQ(RunInChild([] {
              const rlimit none = {0, 0};
              setrlimit(RLIMIT_CORE, &none);
              ScopedAction action(SIGILL, [](int) { _exit(1); });
              ScopedBlock block({SIGILL});
              asm volatile("ud2");
            }),
            "killed by 4");
}

TEST_F(SignalFaultTest, FaultWhileTheSignalIsIgnoredIsFatal) {
  EXPECT_EQ(RunInChild([] {
              const rlimit none = {0, 0};
              setrlimit(RLIMIT_CORE, &none);
              ScopedAction action(SIGSEGV, SIG_IGN);
              *reinterpret_cast<volatile char*>(8) = 1;
            }),
            "killed by 11");
}

TEST_F(SignalFaultTest, SentSignalIsNotTakenForAFault) {
  static siginfo_t info;
  ScopedAction action(SIGSEGV, [](int, siginfo_t* sent, void*) { info = *sent; });
  kill(getpid(), SIGSEGV);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(info.si_pid, getpid());
}

TEST_F(SignalFaultTest, FaultGoesToTheThreadThatCausedIt) {
  static pid_t tid;
  std::thread([&] {
    tid = 0;
    ScopedAction action(SIGILL, [](int, siginfo_t*, void* context) {
      tid = GetTid();
      static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
    });
    asm volatile("ud2");
    EXPECT_EQ(tid, GetTid());
  }).join();
}

TEST_F(SignalFaultTest, DefaultActionsEndTheProcess) {
  const auto run = [](auto body) {
    return RunInChild([&] {
      const rlimit none = {0, 0};
      setrlimit(RLIMIT_CORE, &none);
      body();
    });
  };
  EXPECT_EQ(run([] { *reinterpret_cast<volatile char*>(8) = 1; }), "killed by 11");
  EXPECT_EQ(run([] { asm volatile("ud2"); }), "killed by 4");
  EXPECT_EQ(run([] { asm volatile("int3"); }), "killed by 5");
  EXPECT_EQ(run([] { abort(); }), "killed by 6");
  EXPECT_EQ(run([] {
              asm volatile("xor %%ecx, %%ecx; div %%ecx" ::: "eax", "ecx", "edx");
            }),
            "killed by 8");
}

TEST_F(SignalFaultTest, SystemCallWithABadPointerFailsWithEfaultAndNoSignal) {
  ScopedAction action(SIGSEGV, [](int) { _exit(1); });
  Pipe pipe;
  EXPECT_ERRNO(EFAULT, syscall(SYS_write, pipe.writer.get(), 8, 1));
}

}  // namespace
}  // namespace compat

// Not provoked here: SEGV_BNDERR and SEGV_PKUERR (hardware), BUS_ADRALN (needs alignment checking,
// which the C library does not survive), BUS_MCEERR_* (failing memory).
