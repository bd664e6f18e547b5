#include "ukrun/memory_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace ukrun {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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
  EXPECT_THAT(watch.Sample(), ElementsAre(static_cast<uint32_t>(large)));
  EXPECT_THAT(watch.Sample(), IsEmpty()) << "it has been named, and may be dying";
  EXPECT_LT(watch.interval_ms(), 100);
  End(large);
  End(small);
}

TEST(MemoryWatchTest, OfManySmallOnesSoManyAreNamedThatTheRestFits) {
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    children.push_back(StartEater(size_t{32} << 20));
  }
  // Three fit, this process beside them.
  MemoryWatch watch(uint64_t{120} << 20, getpid());
  EXPECT_THAT(watch.Sample(), SizeIs(3));
  EXPECT_THAT(watch.Sample(), IsEmpty()) << "those that were named do not count any more";
  for (pid_t child : children) {
    End(child);
  }
}

TEST(MemoryWatchTest, NobodyIsNamedBelowTheLimit) {
  pid_t child = StartEater(size_t{8} << 20);
  MemoryWatch watch(uint64_t{1} << 50, getpid());
  EXPECT_THAT(watch.Sample(), IsEmpty());
  EXPECT_EQ(watch.interval_ms(), 100);
  End(child);
}

}  // namespace
}  // namespace ukrun
