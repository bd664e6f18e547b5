// A 64-bit program can call by "int $0x80" where the kernel serves 32-bit programs, and the
// numbers are then those of 32 bits; elsewhere it is a fault. Their numbers were once taken for
// those of 64 bits: 20, getpid, was writev.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace {

constexpr int64_t kGetpid = 20;
constexpr int kDifferent = 1;

TEST(CallsByInt80, AreCallsOf32BitsOrFaults) {
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int64_t result = kGetpid;
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    _exit(result == getpid() ? 0 : kDifferent);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  } else {
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
