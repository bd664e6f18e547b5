#include "sentry/mm/memory_object.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>
#include <thread>

#include "sentry/mm/page_pool.h"

namespace ukrun {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class MemoryObjectTest : public testing::Test {
 protected:
  void SetUp() override { PagePoolInitialize(); }
};

std::span<std::byte> Bytes(std::string& text) {
  return std::as_writable_bytes(std::span(text.data(), text.size()));
}

Result<size_t> Write(MemoryObject& object, std::string text, uint64_t offset) {
  GuestIo io(Bytes(text));
  return object.WriteAt(io, offset);
}

std::string Read(MemoryObject& object, uint64_t offset, size_t size) {
  std::string text(size, 'x');
  GuestIo io(Bytes(text));
  text.resize(object.ReadAt(io, offset).value_or(0));
  return text;
}

TEST_F(MemoryObjectTest, HolesReadAsZerosAndCostNothing) {
  MemoryObject object(0, nullptr);
  EXPECT_EQ(*Write(object, "end", 3 * kMiB), 3u);
  EXPECT_EQ(object.size(), 3 * kMiB + 3);
  EXPECT_EQ(object.allocated_bytes(), kPageSize);
  EXPECT_EQ(Read(object, 0, 5), std::string(5, '\0'));
  EXPECT_EQ(Read(object, 3 * kMiB - 1, 10), std::string("\0end", 4));
}

TEST_F(MemoryObjectTest, SmallFileTakesOnePage) {
  MemoryBudget budget(kMiB);
  MemoryObject object(0, &budget);
  ASSERT_TRUE(Write(object, "hello", 0).ok());
  EXPECT_EQ(object.allocated_bytes(), kPageSize);
  EXPECT_EQ(budget.used(), kPageSize);
}

TEST_F(MemoryObjectTest, ThreePagesWrittenOneByOneTakeThree) {
  MemoryObject object(0, nullptr);
  for (uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Write(object, std::string(kPageSize, 'a'), i * kPageSize).ok());
  }
  EXPECT_EQ(object.allocated_bytes(), 3 * kPageSize);
}

TEST_F(MemoryObjectTest, GrowingFileHasFewExtents) {
  MemoryObject object(0, nullptr);
  for (uint64_t i = 0; i < 2048; ++i) {
    ASSERT_TRUE(Write(object, std::string(kPageSize, 'a'), i * kPageSize).ok());
  }
  uint64_t extents = 0;
  for (uint64_t at = 0; at < object.size(); ++extents) {
    Result<HostExtent> extent = object.Resolve(at, object.size() - at);
    ASSERT_TRUE(extent.ok());
    at += extent->size;
  }
  EXPECT_LE(extents, 14u);
}

TEST_F(MemoryObjectTest, WriteBeyondTheBudgetIsShortAndThenFails) {
  MemoryBudget budget(8 * kPageSize);
  MemoryObject object(0, &budget);
  EXPECT_EQ(*Write(object, std::string(20 * kPageSize, 'a'), 0), 8 * kPageSize);
  EXPECT_EQ(object.size(), 8 * kPageSize);
  EXPECT_TRUE(Write(object, "b", 8 * kPageSize).Is(ENOSPC));
  EXPECT_EQ(*Write(object, "b", 0), 1u);
  ASSERT_TRUE(object.Truncate(4 * kPageSize).ok());
  EXPECT_EQ(budget.used(), 4 * kPageSize);
}

TEST_F(MemoryObjectTest, ReserveIsAllOrNothing) {
  MemoryBudget budget(8 * kPageSize);
  MemoryObject object(0, &budget);
  EXPECT_TRUE(object.Reserve(0, 9 * kPageSize, 9 * kPageSize).Is(ENOSPC));
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(object.size(), 0u);
  EXPECT_TRUE(object.Reserve(0, 8 * kPageSize, 5).ok());
  EXPECT_EQ(object.size(), 5u);
  EXPECT_EQ(budget.used(), 8 * kPageSize);
}

TEST_F(MemoryObjectTest, DestructionGivesEverythingBack) {
  MemoryBudget budget(64 * kMiB);
  {
    MemoryObject object(0, &budget);
    ASSERT_TRUE(Write(object, std::string(5 * kMiB + 17, 'a'), 12345).ok());
    ASSERT_TRUE(object.PunchHole(kMiB + 1, kMiB).ok());
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST_F(MemoryObjectTest, TruncatedBytesDoNotComeBack) {
  MemoryObject object(0, nullptr);
  ASSERT_TRUE(Write(object, std::string(3 * kPageSize, 'a'), 0).ok());
  ASSERT_TRUE(object.Truncate(10).ok());
  ASSERT_TRUE(object.Truncate(3 * kPageSize).ok());
  EXPECT_EQ(Read(object, 8, 4), std::string("aa\0\0", 4));
  EXPECT_EQ(Read(object, kPageSize, kPageSize), std::string(kPageSize, '\0'));
}

TEST_F(MemoryObjectTest, PunchingInTheMiddleKeepsBothEnds) {
  MemoryObject object(0, nullptr);
  std::string data(64 * kPageSize, 'a');
  ASSERT_TRUE(Write(object, data, 0).ok());
  ASSERT_TRUE(object.PunchHole(10 * kPageSize + 5, 20 * kPageSize).ok());
  data.replace(10 * kPageSize + 5, 20 * kPageSize, 20 * kPageSize, '\0');
  EXPECT_EQ(Read(object, 0, data.size()), data);
  EXPECT_EQ(object.allocated_bytes(), (64 - 19) * kPageSize);
  EXPECT_EQ(*object.FindHole(0), 11 * kPageSize);
  EXPECT_EQ(*object.FindData(11 * kPageSize), 30 * kPageSize);
  EXPECT_TRUE(object.FindData(64 * kPageSize).Is(ENXIO));
}

TEST_F(MemoryObjectTest, TruncationUnderAMappingZeroesInPlace) {
  MemoryBudget budget(kMiB);
  MemoryObject object(0, &budget);
  ASSERT_TRUE(Write(object, std::string(4 * kPageSize, 'a'), 0).ok());
  object.MappingAdded();
  HostExtent before = *object.Resolve(kPageSize, kPageSize);
  ASSERT_TRUE(object.Truncate(0).ok());
  EXPECT_EQ(PagePoolAddress(before.host_offset)[0], '\0');
  EXPECT_EQ(budget.used(), 4 * kPageSize);
  // The file grows into the same pages again, which the mapping still shows.
  ASSERT_TRUE(Write(object, std::string(2 * kPageSize, 'b'), 0).ok());
  EXPECT_EQ(PagePoolAddress(before.host_offset)[0], 'b');
  object.MappingRemoved();
  EXPECT_EQ(budget.used(), 2 * kPageSize);
}

TEST_F(MemoryObjectTest, ResolveBeyondTheEndFails) {
  MemoryObject object(100, nullptr);
  EXPECT_EQ(object.Resolve(0, kMiB)->size, kPageSize);
  EXPECT_TRUE(object.Resolve(kPageSize, kPageSize).Is(ENXIO));
}

TEST_F(MemoryObjectTest, ConcurrentAppendsDoNotOverlap) {
  MemoryObject object(0, nullptr);
  auto append = [&](char letter) {
    for (int i = 0; i < 500; ++i) {
      std::string line(100, letter);
      GuestIo io(Bytes(line));
      uint64_t end = 0;
      ASSERT_EQ(*object.Append(io, &end), 100u);
    }
  };
  std::thread other(append, 'a');
  append('b');
  other.join();
  ASSERT_EQ(object.size(), 100'000u);
  std::string all = Read(object, 0, 100'000);
  for (size_t i = 0; i < all.size(); i += 100) {
    EXPECT_EQ(all.substr(i, 100), std::string(100, all[i]));
  }
}

TEST_F(MemoryObjectTest, SealsAreObeyed) {
  MemoryObject object(0, nullptr);
  ASSERT_TRUE(Write(object, std::string(100, 'a'), 0).ok());
  ASSERT_TRUE(object.AddSeals(F_SEAL_GROW).ok());
  EXPECT_TRUE(Write(object, "bb", 99).Is(EPERM));
  EXPECT_TRUE(Write(object, "b", 99).ok());
  EXPECT_TRUE(object.Truncate(101).Is(EPERM));
  ASSERT_TRUE(object.AddSeals(F_SEAL_WRITE | F_SEAL_SEAL).ok());
  EXPECT_TRUE(Write(object, "b", 0).Is(EPERM));
  EXPECT_TRUE(object.PunchHole(0, 1).Is(EPERM));
  EXPECT_TRUE(object.CheckSharedMapping(true).Is(EPERM));
  EXPECT_TRUE(object.CheckSharedMapping(false).ok());
  EXPECT_TRUE(object.AddSeals(F_SEAL_SHRINK).Is(EPERM));
}

// Against a plain string, with random operations.
TEST_F(MemoryObjectTest, BehavesAsAnArrayOfBytes) {
  std::minstd_rand random(7);
  MemoryBudget budget(64 * kMiB);
  {
    MemoryObject object(0, &budget);
    std::string model;
    for (int step = 0; step < 4000; ++step) {
      uint64_t offset = random() % (2 * kMiB);
      uint64_t length = random() % (step % 3 == 0 ? 200'000 : 5'000);
      switch (random() % 5) {
        case 0:
        case 1: {
          std::string data(length, static_cast<char>('a' + random() % 26));
          ASSERT_EQ(*Write(object, data, offset), length);
          if (length > 0) {
            model.resize(std::max<size_t>(model.size(), offset + length));
            model.replace(offset, length, data);
          }
          break;
        }
        case 2:
          ASSERT_TRUE(object.PunchHole(offset, length).ok());
          if (offset < model.size()) {
            uint64_t n = std::min<uint64_t>(length, model.size() - offset);
            model.replace(offset, n, n, '\0');
          }
          break;
        case 3:
          if (step % 20 == 0) {
            ASSERT_TRUE(object.Truncate(offset).ok());
            model.resize(offset);
          }
          break;
        default: {
          std::string expected = offset < model.size() ? model.substr(offset, length) : "";
          ASSERT_EQ(Read(object, offset, length), expected) << step;
        }
      }
      ASSERT_EQ(object.size(), model.size());
      ASSERT_EQ(object.allocated_bytes(), budget.used());
    }
    ASSERT_EQ(Read(object, 0, model.size()), model);
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace ukrun
