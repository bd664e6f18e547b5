// mremap(2): growing, shrinking and moving.

#include <sys/resource.h>

#include "compat-tests/util/process_memory_util.h"

namespace compat {
namespace {

class MremapTest : public DeadlineTest {};

// Writes the page's number into each page.
void Number(const Mapping& memory) {
  for (size_t i = 0; i < memory.size() / kPageSize; ++i) {
    *memory.page(i) = static_cast<char>(i + 1);
  }
}

TEST_F(MremapTest, ShrinkingUnmapsTheEnd) {
  Mapping memory(4);
  Number(memory);
  EXPECT_EQ(mremap(memory.get(), 4 * kPageSize, 2 * kPageSize, 0), memory.get());
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2");
  EXPECT_EQ(*memory.page(1), 2);
}

TEST_F(MremapTest, GrowsInPlaceWhereThereIsRoom) {
  Mapping memory(4);
  Number(memory);
  ASSERT_EQ(munmap(memory.page(2), 2 * kPageSize), 0);
  EXPECT_EQ(mremap(memory.get(), 2 * kPageSize, 4 * kPageSize, 0), memory.get());
  EXPECT_EQ(DescribeMaps(memory), "rw-p 4");
  EXPECT_EQ(*memory.page(1), 2);
  EXPECT_EQ(*memory.page(2), 0);
}

TEST_F(MremapTest, WithoutRoomAndWithoutLeaveToMoveFailsWithEnomem) {
  Mapping memory(4);
  EXPECT_ERRNO(ENOMEM, mremap(memory.get(), 2 * kPageSize, 3 * kPageSize, 0));
  EXPECT_ERRNO(ENOMEM, mremap(memory.get(), 4 * kPageSize, 5 * kPageSize, 0));
  EXPECT_EQ(DescribeMaps(memory), "rw-p 4");
}

TEST_F(MremapTest, MovesWithItsContentWhenItMustGrow) {
  Mapping memory(4);
  Number(memory);
  void* moved = mremap(memory.get(), 4 * kPageSize, 8 * kPageSize, MREMAP_MAYMOVE);
  ASSERT_NE(moved, MAP_FAILED);
  EXPECT_NE(moved, memory.get());
  EXPECT_EQ(DescribeMaps(memory), "");
  const auto* bytes = static_cast<char*>(moved);
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(bytes[i * kPageSize], i < 4 ? static_cast<char>(i + 1) : 0);
  }
  munmap(moved, 8 * kPageSize);
}

TEST_F(MremapTest, MovesAPartOfAMapping) {
  Mapping memory(5);
  Number(memory);
  void* moved = mremap(memory.page(1), 2 * kPageSize, 3 * kPageSize, MREMAP_MAYMOVE);
  ASSERT_NE(moved, MAP_FAILED);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 1,rw-p 2");
  EXPECT_EQ(static_cast<char*>(moved)[0], 2);
  EXPECT_EQ(static_cast<char*>(moved)[kPageSize], 3);
  munmap(moved, 3 * kPageSize);
}

TEST_F(MremapTest, FixedMovesToThePlaceAndReplacesWhatIsThere) {
  Mapping from(2), to(4);
  Number(from);
  Number(to);
  EXPECT_EQ(
      mremap(from.get(), 2 * kPageSize, 2 * kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, to.page(1)),
      to.page(1));
  EXPECT_EQ(DescribeMaps(from), "");
  EXPECT_EQ(*to.page(0), 1);
  EXPECT_EQ(*to.page(1), 1);
  EXPECT_EQ(*to.page(2), 2);
  EXPECT_EQ(*to.page(3), 4);
}

TEST_F(MremapTest, FixedMayShrinkAndGrow) {
  Mapping from(4), to(8);
  Number(from);
  EXPECT_EQ(
      mremap(from.get(), 4 * kPageSize, 2 * kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, to.get()),
      to.get());
  EXPECT_EQ(DescribeMaps(from), "");
  EXPECT_EQ(*to.page(1), 2);
  Mapping third(8);
  EXPECT_EQ(
      mremap(to.get(), 2 * kPageSize, 6 * kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, third.get()),
      third.get());
  EXPECT_EQ(*third.page(1), 2);
  EXPECT_EQ(*third.page(5), 0);
}

TEST_F(MremapTest, DontunmapLeavesAnEmptyMappingBehind) {
  Mapping from(2);
  Number(from);
  void* moved =
      mremap(from.get(), 2 * kPageSize, 2 * kPageSize, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, nullptr);
  ASSERT_NE(moved, MAP_FAILED);
  EXPECT_EQ(DescribeMaps(from), "rw-p 2");
  EXPECT_EQ(*from.page(0), 0);
  EXPECT_EQ(*static_cast<char*>(moved), 1);
  munmap(moved, 2 * kPageSize);
}

TEST_F(MremapTest, OldSizeZeroDuplicatesASharedMapping) {
  Mapping memory(2, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  auto* copy = static_cast<char*>(mremap(memory.get(), 0, 2 * kPageSize, MREMAP_MAYMOVE));
  ASSERT_NE(copy, MAP_FAILED);
  memory.get()[5] = 7;
  EXPECT_EQ(copy[5], 7);
  copy[kPageSize] = 8;
  EXPECT_EQ(*memory.page(1), 8);
  munmap(copy, 2 * kPageSize);
}

TEST_F(MremapTest, OldSizeZeroOfAPrivateMappingIsRefused) {
  Mapping memory(2);
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), 0, 2 * kPageSize, MREMAP_MAYMOVE));
}

TEST_F(MremapTest, MovedSharedMemoryIsStillShared) {
  Mapping memory(1, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  Channel<> go, done;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    memory.get()[0] = 9;
    done.Send();
  });
  Mapping place(1);
  auto* moved = static_cast<char*>(
      mremap(memory.get(), kPageSize, kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED, place.get()));
  ASSERT_EQ(moved, place.get());
  go.Send();
  done.Receive();
  EXPECT_EQ(moved[0], 9);
  EXPECT_EQ(WaitFor(pid), "exited 0");
}

TEST_F(MremapTest, SameSizeChangesNothing) {
  Mapping memory(2);
  EXPECT_EQ(mremap(memory.get(), 2 * kPageSize, 2 * kPageSize, 0), memory.get());
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2");
}

TEST_F(MremapTest, ProtectionMovesAlong) {
  Mapping memory(2, PROT_READ);
  void* moved = mremap(memory.get(), 2 * kPageSize, 4 * kPageSize, MREMAP_MAYMOVE);
  ASSERT_NE(moved, MAP_FAILED);
  EXPECT_EQ(DescribeMaps(moved, 4 * kPageSize), "r--p 4");
  munmap(moved, 4 * kPageSize);
}

TEST_F(MremapTest, BadArgumentsAreRefused) {
  Mapping memory(4), other(4);
  EXPECT_ERRNO(EINVAL, mremap(memory.get() + 1, kPageSize, kPageSize, MREMAP_MAYMOVE));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, 0, MREMAP_MAYMOVE));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, kPageSize, 0x100));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, kPageSize, MREMAP_FIXED, other.get()));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, kPageSize, MREMAP_DONTUNMAP, nullptr));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, 2 * kPageSize,
                              MREMAP_MAYMOVE | MREMAP_DONTUNMAP, nullptr));
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), kPageSize, kPageSize, MREMAP_MAYMOVE | MREMAP_FIXED,
                              other.get() + 1));
  // The new place overlaps the old one.
  EXPECT_ERRNO(EINVAL, mremap(memory.get(), 2 * kPageSize, 2 * kPageSize,
                              MREMAP_MAYMOVE | MREMAP_FIXED, memory.page(1)));
}

TEST_F(MremapTest, UnmappedMemoryFailsWithEfault) {
  Mapping memory(4);
  ASSERT_EQ(munmap(memory.page(2), kPageSize), 0);
  EXPECT_ERRNO(EFAULT, mremap(memory.page(2), kPageSize, 2 * kPageSize, MREMAP_MAYMOVE));
  // So does a range that crosses a hole, when it is to grow.
  EXPECT_ERRNO(EFAULT, mremap(memory.get(), 4 * kPageSize, 8 * kPageSize, MREMAP_MAYMOVE));
}

TEST_F(MremapTest, AddressSpaceLimitIsKept) {
  EXPECT_EQ(RunInChild([] {
              Mapping memory(4);
              const rlimit limit = {size_t{1} << 30, size_t{1} << 30};
              CHILD_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
              CHILD_CHECK_ERRNO(
                  ENOMEM, mremap(memory.get(), 4 * kPageSize, size_t{1} << 30, MREMAP_MAYMOVE));
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat

// Errnos of mremap(2) not provoked here:
// - EAGAIN: growing locked memory beyond RLIMIT_MEMLOCK; root is exempt (memory_advice_test.cc).
