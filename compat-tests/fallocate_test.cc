// fallocate(2) and posix_fallocate(3).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <signal.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr off_t kPage = 4096;
constexpr off_t kOffsetMax = std::numeric_limits<off_t>::max();

class FallocateTest : public TempDirTest {
 protected:
  void SetUp() override { fd_ = OpenFile(Path("file"), O_RDWR | O_CREAT); }

  off_t Size() const { return FdStat(fd_.get()).st_size; }
  std::string Content() const { return ReadFile(Path("file")); }

  Fd fd_;
};

TEST_F(FallocateTest, ExtendsTheFileWithZerosThatHaveSpace) {
  WriteAll(fd_.get(), "data");
  EXPECT_OK(fallocate(fd_.get(), 0, 0, 64 * kPage));
  EXPECT_EQ(Size(), 64 * kPage);
  EXPECT_GE(FdStat(fd_.get()).st_blocks, 64 * kPage / 512);
  EXPECT_EQ(Content(), "data" + std::string(64 * kPage - 4, '\0'));
}

TEST_F(FallocateTest, NeverShrinksNorChangesData) {
  WriteAll(fd_.get(), "0123456789");
  EXPECT_OK(fallocate(fd_.get(), 0, 2, 4));
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(FallocateTest, KeepSizeReservesWithoutExtending) {
  WriteAll(fd_.get(), "data");
  EXPECT_OK(fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, 16 * kPage));
  EXPECT_EQ(Size(), 4);
  EXPECT_EQ(Content(), "data");
}

TEST_F(FallocateTest, PunchHoleZeroesExactlyItsRange) {
  WriteAll(fd_.get(), std::string(8 * kPage, 'x'));
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_OK(fallocate(fd_.get(), mode, kPage + 100, 3 * kPage));
  EXPECT_EQ(Size(), 8 * kPage);
  EXPECT_TRUE(Content() == std::string(kPage + 100, 'x') + std::string(3 * kPage, '\0') +
                               std::string(4 * kPage - 100, 'x'));
}

TEST_F(FallocateTest, PunchHoleGivesSpaceBackAndShowsAsHole) {
  WriteAll(fd_.get(), std::string(64 * kPage, 'x'));
  EXPECT_OK(fsync(fd_.get()));
  const blkcnt_t before = FdStat(fd_.get()).st_blocks;
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_OK(fallocate(fd_.get(), mode, 16 * kPage, 32 * kPage));
  EXPECT_LT(FdStat(fd_.get()).st_blocks, before);
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_HOLE), 16 * kPage);
  EXPECT_EQ(lseek(fd_.get(), 16 * kPage, SEEK_DATA), 48 * kPage);
}

TEST_F(FallocateTest, PunchHoleMayReachBeyondTheEnd) {
  WriteAll(fd_.get(), "0123456789");
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  EXPECT_OK(fallocate(fd_.get(), mode, 5, 100 * kPage));
  EXPECT_EQ(Content(), std::string("01234\0\0\0\0\0", 10));
  EXPECT_OK(fallocate(fd_.get(), mode, 200 * kPage, kPage));
  EXPECT_EQ(Size(), 10);
}

TEST_F(FallocateTest, ZeroRangeZeroesWhereItIsSupported) {
  WriteAll(fd_.get(), std::string(4 * kPage, 'x'));
  if (fallocate(fd_.get(), FALLOC_FL_ZERO_RANGE, 10, kPage) != 0) {
    ASSERT_EQ(errno, EOPNOTSUPP);  // tmpfs has none
    EXPECT_TRUE(Content() == std::string(4 * kPage, 'x'));
    return;
  }
  EXPECT_TRUE(Content() ==
              std::string(10, 'x') + std::string(kPage, '\0') + std::string(3 * kPage - 10, 'x'));
}

TEST_F(FallocateTest, CollapseAndInsertRangeMoveDataWhereTheyAreSupported) {
  WriteAll(fd_.get(), std::string(kPage, 'a') + std::string(kPage, 'b') + std::string(kPage, 'c'));
  if (fallocate(fd_.get(), FALLOC_FL_COLLAPSE_RANGE, kPage, kPage) != 0) {
    EXPECT_TRUE(errno == EOPNOTSUPP || errno == EINVAL) << ErrnoName(errno);
    return;
  }
  EXPECT_TRUE(Content() == std::string(kPage, 'a') + std::string(kPage, 'c'));
  EXPECT_OK(fallocate(fd_.get(), FALLOC_FL_INSERT_RANGE, kPage, kPage));
  EXPECT_TRUE(Content() ==
              std::string(kPage, 'a') + std::string(kPage, '\0') + std::string(kPage, 'c'));
}

TEST_F(FallocateTest, LeavesTheOffsetAlone) {
  WriteAll(fd_.get(), "data");
  EXPECT_OK(fallocate(fd_.get(), 0, 0, kPage));
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_CUR), 4);
}

TEST_F(FallocateTest, BadRangesFailWithEinval) {
  EXPECT_ERRNO(EINVAL, fallocate(fd_.get(), 0, 0, 0));
  EXPECT_ERRNO(EINVAL, fallocate(fd_.get(), 0, 0, -1));
  EXPECT_ERRNO(EINVAL, fallocate(fd_.get(), 0, -1, 1));
}

TEST_F(FallocateTest, RangeBeyondTheLargestFileFailsWithEfbig) {
  EXPECT_ERRNO(EFBIG, fallocate(fd_.get(), 0, kOffsetMax, 1));
  EXPECT_ERRNO(EFBIG, fallocate(fd_.get(), 0, kOffsetMax - 10, 100));
}

TEST_F(FallocateTest, UnknownOrContradictoryModesFail) {
  EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE, 0, kPage));
  EXPECT_ERRNO(EOPNOTSUPP, fallocate(fd_.get(), 0x40000000, 0, kPage));
  EXPECT_ERRNO(OneOf(EINVAL, EOPNOTSUPP),
               fallocate(fd_.get(), FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, kPage));
  EXPECT_ERRNO(OneOf(EINVAL, EOPNOTSUPP),
               fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 0, kPage));
}

TEST_F(FallocateTest, WrongDescriptorsFail) {
  Fd reader = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(EBADF, fallocate(reader.get(), 0, 0, 1));
  EXPECT_ERRNO(EBADF, fallocate(-1, 0, 0, 1));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(EBADF, fallocate(directory.get(), 0, 0, 1));
  Fd null = OpenFile("/dev/null", O_RDWR);
  EXPECT_ERRNO(ENODEV, fallocate(null.get(), 0, 0, 1));
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(ESPIPE, fallocate(ends[1], 0, 0, 1));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(FallocateTest, BeyondTheFileSizeLimitFailsWithEfbig) {
  ExpectPassesInChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    ScopedSoftLimit limit(RLIMIT_FSIZE, 100);
    EXPECT_ERRNO(EFBIG, fallocate(fd_.get(), 0, 0, kPage));
    EXPECT_OK(fallocate(fd_.get(), 0, 0, 100));
  });
}

TEST_F(FallocateTest, PosixFallocateReturnsItsError) {
  EXPECT_EQ(posix_fallocate(fd_.get(), 0, kPage), 0);
  EXPECT_EQ(Size(), kPage);
  EXPECT_EQ(posix_fallocate(fd_.get(), 0, 0), EINVAL);
  EXPECT_EQ(posix_fallocate(-1, 0, kPage), EBADF);
}

// Not provoked: EINTR, EIO, ENOSPC (needs a full file system), ENOSYS, EPERM by an immutable or
// append-only file (chattr; by a seal in memfd_test.cc), ETXTBSY (swap files; collapsing a program
// that runs).

}  // namespace
}  // namespace ukrun::compat_tests
