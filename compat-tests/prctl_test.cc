// prctl(2), arch_prctl(2), personality(2).

#include <asm/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include <fstream>
#include <thread>

#include "compat-tests/util/process_exec_util.h"

namespace compat {
namespace {

class PrctlTest : public DeadlineTest {};

TEST_F(PrctlTest, NameIsCutAtFifteenBytesAndShownInProc) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_NAME, "a name that is too long") == 0);
              char name[16] = {};
              CHILD_CHECK(prctl(PR_GET_NAME, name) == 0);
              CHILD_CHECK(strcmp(name, "a name that is ") == 0);
              std::ifstream file("/proc/self/comm");
              std::string line;
              CHILD_CHECK(std::getline(file, line) && line == "a name that is ");
            }),
            "exited 0");
  EXPECT_ERRNO(EFAULT, prctl(PR_SET_NAME, 8));
  EXPECT_ERRNO(EFAULT, prctl(PR_GET_NAME, 8));
}

TEST_F(PrctlTest, NameIsInheritedByChildren) {
  EXPECT_EQ(RunInChild([] {
              prctl(PR_SET_NAME, "inherited");
              CHILD_CHECK(RunInChild([] {
                            char name[16] = {};
                            prctl(PR_GET_NAME, name);
                            CHILD_CHECK(strcmp(name, "inherited") == 0);
                          }) == "exited 0");
            }),
            "exited 0");
}

TEST_F(PrctlTest, DeathSignalIsStoredAndNotInherited) {
  EXPECT_EQ(RunInChild([] {
              int number = -1;
              CHILD_CHECK(prctl(PR_GET_PDEATHSIG, &number) == 0 && number == 0);
              CHILD_CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
              CHILD_CHECK(prctl(PR_GET_PDEATHSIG, &number) == 0 && number == SIGUSR1);
              CHILD_CHECK(RunInChild([] {
                            int inherited = -1;
                            prctl(PR_GET_PDEATHSIG, &inherited);
                            return inherited;
                          }) == "exited 0");
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
            }),
            "exited 0");
}

TEST_F(PrctlTest, DeathSignalComesWhenTheThreadThatForkedEnds) {
  // As the manual warns: "parent" is the thread, not the process.
  Channel<pid_t> pids;
  Channel<> ready;
  std::thread([&] {
    pids.Send(ForkChild([&] {
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      ready.Send();
      for (;;) {
        pause();
      }
    }));
    ready.Receive();
  }).join();
  EXPECT_EQ(WaitFor(pids.Receive()), "killed by 10");
}

TEST_F(PrctlTest, DumpableCanBeSwitched) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
              CHILD_CHECK(prctl(PR_GET_DUMPABLE) == 0);
              CHILD_CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
              CHILD_CHECK(prctl(PR_GET_DUMPABLE) == 1);
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_SET_DUMPABLE, 2));
            }),
            "exited 0");
}

TEST_F(PrctlTest, NoNewPrivsIsForEverAndInherited) {
  EXPECT_EQ(RunInChild([] {
              CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
              CHILD_CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
              CHILD_CHECK_ERRNO(EINVAL, prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
              CHILD_CHECK(RunInChild([] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }) ==
                          "exited 1");
            }),
            "exited 0");
}

TEST_F(PrctlTest, SubreaperIsAFlagOfTheProcess) {
  EXPECT_EQ(RunInChild([] {
              int value = -1;
              std::thread([] { prctl(PR_SET_CHILD_SUBREAPER, 1); }).join();
              CHILD_CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1);
              CHILD_CHECK(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
              CHILD_CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0);
              CHILD_CHECK_ERRNO(EFAULT, prctl(PR_GET_CHILD_SUBREAPER, 8));
            }),
            "exited 0");
}

TEST_F(PrctlTest, TimerSlackHasADefaultToWhichZeroReturns) {
  EXPECT_EQ(RunInChild([] {
              const int before = prctl(PR_GET_TIMERSLACK);
              CHILD_CHECK(before > 0);
              CHILD_CHECK(prctl(PR_SET_TIMERSLACK, 123456) == 0);
              CHILD_CHECK(prctl(PR_GET_TIMERSLACK) == 123456);
              CHILD_CHECK(prctl(PR_SET_TIMERSLACK, 0) == 0);
              CHILD_CHECK(prctl(PR_GET_TIMERSLACK) == before);
            }),
            "exited 0");
}

TEST_F(PrctlTest, UnknownOptionsFailWithEinval) {
  EXPECT_ERRNO(EINVAL, prctl(9999, 0, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(0, 0, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_TIMING, 1, 0, 0, 0));
}

TEST_F(PrctlTest, ArgumentsThatAnOptionLacksFailWithEinval) {
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_DUMPABLE, 9, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_TSC, 9, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_MCE_KILL, 9, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_CAPBSET_READ, 99, 0, 0, 0));
  EXPECT_ERRNO(EINVAL, prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
  EXPECT_ERRNO(EFAULT, prctl(PR_SET_NAME, 8, 0, 0, 0));
  EXPECT_ERRNO(EFAULT, prctl(PR_GET_NAME, 8, 0, 0, 0));
  EXPECT_ERRNO(EFAULT, prctl(PR_GET_PDEATHSIG, 8, 0, 0, 0));
  EXPECT_ERRNO(EFAULT, prctl(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0));
}

TEST_F(PrctlTest, FsBaseIsWhereTheThreadsOwnDataIs) {
  unsigned long base = 0;
  ASSERT_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &base), 0);
  // The first word there points to itself.
  EXPECT_EQ(*reinterpret_cast<unsigned long*>(base), base);
  unsigned long other = 0;
  std::thread([&] { syscall(SYS_arch_prctl, ARCH_GET_FS, &other); }).join();
  EXPECT_NE(base, other);
}

TEST_F(PrctlTest, GsBaseCanBeSetAndIsEachThreadsOwn) {
  static const uint64_t kValues[2] = {0x1111, 0x2222};
  std::thread([] {
    ASSERT_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, &kValues[0]), 0);
    uint64_t first = 0, second = 0;
    asm volatile("mov %%gs:0, %0; mov %%gs:8, %1" : "=&r"(first), "=&r"(second));
    EXPECT_EQ(first, 0x1111u);
    EXPECT_EQ(second, 0x2222u);
    sched_yield();
    unsigned long base = 0;
    ASSERT_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
    EXPECT_EQ(base, reinterpret_cast<unsigned long>(&kValues[0]));
  }).join();
  unsigned long base = 1;
  ASSERT_EQ(syscall(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
  EXPECT_EQ(base, 0u);
}

TEST_F(PrctlTest, GsBaseSurvivesHandlersAndFork) {
  static const uint64_t kValue = 0x3333;
  ScopedAction action(SIGUSR1, [](int) {});
  EXPECT_EQ(RunInChild([] {
              syscall(SYS_arch_prctl, ARCH_SET_GS, &kValue);
              raise(SIGUSR1);
              uint64_t seen = 0;
              asm volatile("mov %%gs:0, %0" : "=r"(seen));
              CHILD_CHECK(seen == 0x3333);
              CHILD_CHECK(RunInChild([] {
                            uint64_t inherited = 0;
                            asm volatile("mov %%gs:0, %0" : "=r"(inherited));
                            CHILD_CHECK(inherited == 0x3333);
                          }) == "exited 0");
            }),
            "exited 0");
}

TEST_F(PrctlTest, ArchPrctlRefusesBadArguments) {
  EXPECT_ERRNO(EPERM, syscall(SYS_arch_prctl, ARCH_SET_GS, 0x8000'0000'0000));
  EXPECT_ERRNO(EPERM, syscall(SYS_arch_prctl, ARCH_SET_FS, ~0UL));
  EXPECT_ERRNO(EINVAL, syscall(SYS_arch_prctl, 0x999, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_arch_prctl, ARCH_GET_FS, 8));
}

TEST_F(PrctlTest, PersonalityIsReadAndSet) {
  EXPECT_EQ(RunInChild([] {
              const int before = personality(0xffffffff);
              CHILD_CHECK((before & 0xff) == PER_LINUX);
              CHILD_CHECK(personality(ADDR_NO_RANDOMIZE) == before);
              CHILD_CHECK(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
              CHILD_CHECK(RunInChild([] {
                            CHILD_CHECK(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
                          }) == "exited 0");
            }),
            "exited 0");
}

TEST_F(PrctlTest, WithoutRandomizationAddressesRepeat) {
  const auto stack_of_a_program = [] {
    std::string status;
    return CaptureOutput(
        [] {
          if (personality(ADDR_NO_RANDOMIZE) == -1) {
            _exit(kChildFailed);
          }
          execl("/bin/sh", "sh", "-c", "grep stack /proc/self/maps | cut -d- -f2", nullptr);
        },
        &status);
  };
  const std::string first = stack_of_a_program();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, stack_of_a_program());
}

}  // namespace
}  // namespace compat

// Not here: PR_SET_MM, PR_SET_SECCOMP, PR_SET_PTRACER, PR_SET_TSC and others that ordinary programs
// don't use; keepcaps, securebits and the capability sets (capability_test.cc).
