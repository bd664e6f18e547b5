#include "ukrun/memory_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace ukrun {
namespace {

// A child that holds `bytes` of memory, ready when this returns.
pid_t StartEater(size_t bytes) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, bytes);
    [[maybe_unused]] ssize_t written = write(ready[1], "x", 1);
    for (;;) {
      pause();
    }
  }
  char byte;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  return child;
}

void End(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(MemoryWatchTest, LargestChildIsNamedOnce) {
  pid_t small = StartEater(size_t{8} << 20);
  pid_t large = StartEater(size_t{128} << 20);
  MemoryWatch watch(uint64_t{64} << 20, getpid());
  EXPECT_EQ(watch.Sample(), static_cast<uint32_t>(large));
  EXPECT_FALSE(watch.Sample().has_value()) << "it has been named, and may be dying";
  EXPECT_LT(watch.interval_ms(), 100);
  End(large);
  End(small);
}

TEST(MemoryWatchTest, NobodyIsNamedBelowTheLimit) {
  pid_t child = StartEater(size_t{8} << 20);
  MemoryWatch watch(uint64_t{1} << 50, getpid());
  EXPECT_FALSE(watch.Sample().has_value());
  EXPECT_EQ(watch.interval_ms(), 100);
  End(child);
}

}  // namespace
}  // namespace ukrun
