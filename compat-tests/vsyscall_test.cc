// The vsyscall page: three calls at fixed addresses at the very top, from before the vDSO. Old
// static programs use them. Most kernels emulate them; some have none (vsyscall=none).

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace ukrun::compat_tests {
namespace {

constexpr uint64_t kGettimeofday = 0xffffffffff600000;
constexpr uint64_t kTime = 0xffffffffff600400;
constexpr uint64_t kGetcpu = 0xffffffffff600800;

template <typename Function>
Function* At(uint64_t address) {
  return reinterpret_cast<Function*>(address);  // NOLINT
}

// Runs `body` in a child. Returns its wait status.
template <typename Body>
int StatusOf(Body body) {
  pid_t child = fork();
  if (child == 0) {
    _exit(body());
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class VsyscallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int status = StatusOf([] { return At<int64_t(time_t*)>(kTime)(nullptr) > 0 ? 0 : 1; });
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
      GTEST_SKIP() << "this kernel has no vsyscall page";
    }
    ASSERT_EQ(status, 0);
  }
};

TEST_F(VsyscallTest, TimeIsTheClocks) {
  time_t stored = 0;
  int64_t before = time(nullptr);
  int64_t now = At<int64_t(time_t*)>(kTime)(&stored);
  EXPECT_EQ(now, stored);
  EXPECT_GE(now, before);
  EXPECT_LE(now, before + 5);
}

TEST_F(VsyscallTest, GettimeofdayFillsTheStructure) {
  timeval now{};
  int64_t before = time(nullptr);
  EXPECT_EQ(At<int64_t(timeval*, void*)>(kGettimeofday)(&now, nullptr), 0);
  EXPECT_GE(now.tv_sec, before);
  EXPECT_LE(now.tv_sec, before + 5);
}

TEST_F(VsyscallTest, GetcpuTellsAProcessor) {
  unsigned cpu = ~0U;
  unsigned node = ~0U;
  EXPECT_EQ(At<int64_t(unsigned*, unsigned*, void*)>(kGetcpu)(&cpu, &node, nullptr), 0);
  EXPECT_LT(cpu, 1U << 16);
  EXPECT_LT(node, 1U << 16);
}

TEST_F(VsyscallTest, AJumpBetweenTheEntriesIsAFault) {
  int status = StatusOf([] {
    At<void()>(kTime + 0x123)();
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

}  // namespace
}  // namespace ukrun::compat_tests
