#include "sentry/mm/page_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>
#include <vector>

namespace ukrun {
namespace {

class PagePoolTest : public testing::Test {
 protected:
  void SetUp() override { PagePoolInitialize(); }
};

TEST_F(PagePoolTest, RunsAreAlignedToTheirSizeAndReadZero) {
  for (uint64_t pages = 1; pages <= kPagePoolLargestRun; pages *= 2) {
    uint64_t offset = *PagePoolAllocate(pages);
    EXPECT_EQ(offset % (pages * kPageSize), 0u);
    EXPECT_EQ(PagePoolAddress(offset)[0], 0);
    EXPECT_EQ(PagePoolAddress(offset)[pages * kPageSize - 1], 0);
    PagePoolFree(offset, pages);
  }
}

TEST_F(PagePoolTest, FreedPagesReadZeroWhenTheyAreUsedAgain) {
  uint64_t offset = *PagePoolAllocate(4);
  PagePoolAddress(offset)[5000] = 'x';
  PagePoolFree(offset, 4);
  uint64_t again = *PagePoolAllocate(4);
  EXPECT_EQ(again, offset);
  EXPECT_EQ(PagePoolAddress(again)[5000], 0);
  PagePoolFree(again, 4);
}

TEST_F(PagePoolTest, HalvesOfASplitRunJoinAgain) {
  uint64_t offset = *PagePoolAllocate(kPagePoolLargestRun);
  PagePoolSplit(offset, kPagePoolLargestRun);
  uint64_t half = kPagePoolLargestRun / 2;
  PagePoolSplit(offset + half * kPageSize, half);
  PagePoolFree(offset, half);
  PagePoolFree(offset + half * kPageSize, half / 2);
  EXPECT_NE(*PagePoolAllocate(kPagePoolLargestRun), offset);
  PagePoolFree(offset + (half + half / 2) * kPageSize, half / 2);
  EXPECT_EQ(*PagePoolAllocate(kPagePoolLargestRun), offset);
}

TEST_F(PagePoolTest, RunsNeverOverlap) {
  auto work = [](unsigned seed) {
    std::minstd_rand random(seed);
    std::map<uint64_t, uint64_t> mine;
    for (int step = 0; step < 3000; ++step) {
      if (mine.size() < 100 || random() % 2 == 0) {
        uint64_t pages = uint64_t{1} << (random() % 10);
        uint64_t offset = *PagePoolAllocate(pages);
        // Whoever else had these pages would have left a mark.
        ASSERT_EQ(PagePoolAddress(offset)[0], 0);
        ASSERT_EQ(PagePoolAddress(offset + (pages - 1) * kPageSize)[1], 0);
        PagePoolAddress(offset)[0] = 'x';
        PagePoolAddress(offset + (pages - 1) * kPageSize)[1] = 'y';
        mine[offset] = pages;
      } else {
        auto it = mine.begin();
        std::advance(it, random() % mine.size());
        PagePoolFree(it->first, it->second);
        mine.erase(it);
      }
    }
    for (auto [offset, pages] : mine) {
      PagePoolFree(offset, pages);
    }
  };
  std::thread other(work, 1);
  work(2);
  other.join();
}

}  // namespace
}  // namespace ukrun
