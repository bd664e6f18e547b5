// The first thread of a process ends while others send it signals, over and over. On the
// ptrace platform the host's way to interrupt a thread once came too late, met a thread that
// nobody traced any more, and killed its process: the sandbox broke down.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int kRounds = 50;
constexpr int kSenders = 2;
std::atomic<bool> leaving{false};

void* Send(void* /*argument*/) {
  pid_t leader = getpid();
  // Its id stays, as a zombie's, until the process has ended.
  for (int after = 0; after < 20; after += leaving.load() ? 1 : 0) {
    syscall(SYS_tgkill, leader, leader, SIGURG);
    // Without a rest the leader would do nothing but handle signals, and never come to its end.
    for (int rest = 0; rest < 30 && !leaving.load(); ++rest) {
      sched_yield();
    }
  }
  return nullptr;
}

[[noreturn]] void Child() {
  signal(SIGURG, [](int) {});
  for (int i = 0; i < kSenders; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Send, nullptr) != 0) {
      _exit(1);
    }
  }
  for (volatile int spin = 0; spin < 2'000;) {
    spin = spin + 1;
  }
  leaving.store(true);
  syscall(SYS_exit, 0);
  _exit(1);
}

TEST(SignalsToALeaderThatExits, EndNothing) {
  for (int i = 0; i < kRounds; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Child();
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
}

}  // namespace
