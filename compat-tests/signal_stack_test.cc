// sigaltstack(2) and handlers on alternate stacks.

#include <ucontext.h>

#include <csetjmp>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

constexpr int kAutodisarm = static_cast<int>(1U << 31);
constexpr size_t kStackSize = 64 * 1024;

class SignalStackTest : public DeadlineTest {
 protected:
  SignalStackTest() : memory_(kStackSize) {}
  ~SignalStackTest() override {
    const stack_t off = {nullptr, SS_DISABLE, 0};
    sigaltstack(&off, nullptr);
  }

  void UseStack(int flags = 0) {
    const stack_t stack = {memory_.data(), flags, memory_.size()};
    ASSERT_EQ(sigaltstack(&stack, nullptr), 0);
  }

  bool Contains(const void* address) const {
    const auto* byte = static_cast<const char*>(address);
    return byte >= memory_.data() && byte < memory_.data() + memory_.size();
  }

  std::vector<char> memory_;
};

const void* g_frame;
stack_t g_current;

void RecordFrame(int) {
  g_frame = __builtin_frame_address(0);
  sigaltstack(nullptr, &g_current);
}

TEST_F(SignalStackTest, IsDisabledAtFirst) {
  std::thread([] {
    stack_t stack = {};
    EXPECT_EQ(sigaltstack(nullptr, &stack), 0);
    EXPECT_EQ(stack.ss_flags, SS_DISABLE);
  }).join();
}

TEST_F(SignalStackTest, OldStackIsReturned) {
  UseStack();
  stack_t old = {};
  const stack_t off = {nullptr, SS_DISABLE, 0};
  ASSERT_EQ(sigaltstack(&off, &old), 0);
  EXPECT_EQ(old.ss_sp, memory_.data());
  EXPECT_EQ(old.ss_size, memory_.size());
  EXPECT_EQ(old.ss_flags, 0);
  ASSERT_EQ(sigaltstack(nullptr, &old), 0);
  EXPECT_EQ(old.ss_flags, SS_DISABLE);
}

TEST_F(SignalStackTest, OnstackHandlerRunsThere) {
  UseStack();
  ScopedAction action(SIGUSR1, RecordFrame, SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_TRUE(Contains(g_frame));
  EXPECT_EQ(g_current.ss_flags, SS_ONSTACK);
}

TEST_F(SignalStackTest, OtherHandlersRunOnTheOrdinaryStack) {
  UseStack();
  ScopedAction action(SIGUSR1, RecordFrame);
  raise(SIGUSR1);
  EXPECT_FALSE(Contains(g_frame));
  EXPECT_EQ(g_current.ss_flags, 0);
}

TEST_F(SignalStackTest, OnstackWithoutAStackRunsOnTheOrdinaryOne) {
  ScopedAction action(SIGUSR1, RecordFrame, SA_ONSTACK);
  g_frame = nullptr;
  raise(SIGUSR1);
  EXPECT_NE(g_frame, nullptr);
  EXPECT_FALSE(Contains(g_frame));
}

TEST_F(SignalStackTest, NestedHandlersShareTheStack) {
  static const void* outer;
  static int error;
  UseStack();
  ScopedAction inner(SIGUSR2, RecordFrame, SA_ONSTACK);
  ScopedAction action(
      SIGUSR1,
      [](int) {
        outer = __builtin_frame_address(0);
        raise(SIGUSR2);
        const stack_t off = {nullptr, SS_DISABLE, 0};
        error = sigaltstack(&off, nullptr) == 0 ? 0 : errno;
      },
      SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_TRUE(Contains(outer));
  EXPECT_TRUE(Contains(g_frame));
  EXPECT_LT(g_frame, outer);
  EXPECT_EQ(error, EPERM);  // A stack in use cannot be changed.
}

TEST_F(SignalStackTest, AutodisarmTurnsTheStackOffInsideTheHandler) {
  UseStack(kAutodisarm);
  ScopedAction action(SIGUSR1, RecordFrame, SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_TRUE(Contains(g_frame));
  EXPECT_EQ(g_current.ss_flags & SS_DISABLE, SS_DISABLE);
  stack_t after = {};
  ASSERT_EQ(sigaltstack(nullptr, &after), 0);
  EXPECT_EQ(after.ss_sp, memory_.data());
  EXPECT_EQ(after.ss_flags, kAutodisarm);
}

TEST_F(SignalStackTest, ContextNamesTheStack) {
  static stack_t in_context;
  UseStack();
  ScopedAction action(
      SIGUSR1,
      [](int, siginfo_t*, void* context) {
        in_context = static_cast<ucontext_t*>(context)->uc_stack;
      },
      SA_ONSTACK);
  raise(SIGUSR1);
  EXPECT_EQ(in_context.ss_sp, memory_.data());
  EXPECT_EQ(in_context.ss_size, memory_.size());
}

sigjmp_buf g_escape;

// Recurses until the stack ends; `above` never holds anything but zero.
int UseUpTheStack(volatile char* above) {
  volatile char block[4096];
  block[0] = above[0];
  return block[0] != 0 ? 0 : UseUpTheStack(block) + block[0];
}

TEST_F(SignalStackTest, OverflowOfTheOrdinaryStackIsHandledOnTheAlternateOne) {
  EXPECT_EQ(RunInChild([&] {
              const stack_t stack = {memory_.data(), 0, memory_.size()};
              CHILD_CHECK(sigaltstack(&stack, nullptr) == 0);
              ScopedAction action(
                  SIGSEGV, [](int) { siglongjmp(g_escape, 1); }, SA_ONSTACK);
              if (sigsetjmp(g_escape, 1) == 0) {
                volatile char start[1] = {0};
                return UseUpTheStack(start);
              }
              return 17;
            }),
            "exited 17");
}

TEST_F(SignalStackTest, OverflowWithoutAnAlternateStackIsFatal) {
  const std::string status = RunInChild([&] {
    ScopedAction action(SIGSEGV, [](int) { _exit(1); });
    volatile char start[1] = {0};
    return UseUpTheStack(start);
  });
  EXPECT_EQ(status.substr(0, 12), "killed by 11");
}

TEST_F(SignalStackTest, LongjmpOffTheStackFreesIt) {
  UseStack();
  static volatile int rounds;
  rounds = 0;
  ScopedAction action(
      SIGUSR1, [](int) { siglongjmp(g_escape, 1); }, SA_ONSTACK);
  if (sigsetjmp(g_escape, 1) == 0 || rounds < 5) {
    rounds = rounds + 1;
    raise(SIGUSR1);
  }
  EXPECT_EQ(rounds, 5);
  stack_t now = {};
  ASSERT_EQ(sigaltstack(nullptr, &now), 0);
  EXPECT_EQ(now.ss_flags, 0);
}

TEST_F(SignalStackTest, ThreadsHaveTheirOwn) {
  UseStack();
  std::thread([&] {
    std::vector<char> other(kStackSize);
    const stack_t stack = {other.data(), 0, other.size()};
    ASSERT_EQ(sigaltstack(&stack, nullptr), 0);
    ScopedAction action(SIGUSR1, RecordFrame, SA_ONSTACK);
    raise(SIGUSR1);
    EXPECT_EQ(g_current.ss_sp, other.data());
    const stack_t off = {nullptr, SS_DISABLE, 0};
    sigaltstack(&off, nullptr);
  }).join();
  stack_t now = {};
  ASSERT_EQ(sigaltstack(nullptr, &now), 0);
  EXPECT_EQ(now.ss_sp, memory_.data());
}

TEST_F(SignalStackTest, BadArgumentsAreRefused) {
  stack_t stack = {memory_.data(), 0, 2047};
  EXPECT_ERRNO(ENOMEM, sigaltstack(&stack, nullptr));
  stack = {memory_.data(), 0x10, memory_.size()};
  EXPECT_ERRNO(EINVAL, sigaltstack(&stack, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, 8, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_sigaltstack, nullptr, 8));
  stack = {memory_.data(), SS_ONSTACK, memory_.size()};  // Allowed, and means 0.
  EXPECT_EQ(sigaltstack(&stack, nullptr), 0);
}

}  // namespace
}  // namespace compat
