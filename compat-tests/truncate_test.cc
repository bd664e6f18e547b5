// truncate(2) and ftruncate(2).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
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

constexpr off_t kOffsetMax = std::numeric_limits<off_t>::max();

class TruncateTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "0123456789");
    fd_ = OpenFile(Path("file"), O_RDWR);
  }

  std::string Content() const { return ReadFile(Path("file")); }

  Fd fd_;
};

TEST_F(TruncateTest, ShrinksAndGrows) {
  EXPECT_OK(truncate(Path("file"), 4));
  EXPECT_EQ(Content(), "0123");
  EXPECT_OK(ftruncate(fd_.get(), 6));
  EXPECT_EQ(Content(), std::string("0123\0\0", 6));
  EXPECT_OK(ftruncate(fd_.get(), 0));
  EXPECT_EQ(Content(), "");
}

TEST_F(TruncateTest, WhatWasCutOffNeverComesBack) {
  WriteFile(Path("file"), std::string(10'000, 'x'));
  EXPECT_OK(ftruncate(fd_.get(), 5'000));
  EXPECT_OK(ftruncate(fd_.get(), 10'000));
  EXPECT_EQ(Content(), std::string(5'000, 'x') + std::string(5'000, '\0'));
}

TEST_F(TruncateTest, WriteBeyondTheNewEndLeavesZerosBetween) {
  EXPECT_OK(ftruncate(fd_.get(), 2));
  EXPECT_EQ(pwrite(fd_.get(), "z", 1, 5), 1);
  EXPECT_EQ(Content(), std::string("01\0\0\0z", 6));
}

TEST_F(TruncateTest, LeavesOffsetsWhereTheyAre) {
  EXPECT_EQ(lseek(fd_.get(), 8, SEEK_SET), 8);
  EXPECT_OK(ftruncate(fd_.get(), 4));
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_CUR), 8);
  char byte = 0;
  EXPECT_EQ(read(fd_.get(), &byte, 1), 0);
}

TEST_F(TruncateTest, ChangesTheTimesOfContentAndStatus) {
  const timespec old_times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_OK(futimens(fd_.get(), old_times));
  const int64_t status_time = ToNs(FdStat(fd_.get()).st_ctim);
  WaitForFileClockTick();
  EXPECT_OK(ftruncate(fd_.get(), 4));
  EXPECT_GT(FdStat(fd_.get()).st_mtime, 1'000'000);
  EXPECT_GT(ToNs(FdStat(fd_.get()).st_ctim), status_time);
}

TEST_F(TruncateTest, GrowingTakesNoSpace) {
  EXPECT_OK(ftruncate(fd_.get(), off_t{1} << 40));
  EXPECT_EQ(FdStat(fd_.get()).st_size, off_t{1} << 40);
  EXPECT_LT(FdStat(fd_.get()).st_blocks, 2048);
}

TEST_F(TruncateTest, GivesSpaceBack) {
  WriteFile(Path("file"), std::string(1 << 20, 'x'));
  EXPECT_OK(fsync(fd_.get()));
  EXPECT_GE(FdStat(fd_.get()).st_blocks, 2048);
  EXPECT_OK(ftruncate(fd_.get(), 0));
  EXPECT_EQ(FdStat(fd_.get()).st_blocks, 0);
}

TEST_F(TruncateTest, FollowsSymlinks) {
  ASSERT_OK(symlink("file", Path("link")));
  EXPECT_OK(truncate(Path("link"), 1));
  EXPECT_EQ(Content(), "0");
}

TEST_F(TruncateTest, NegativeLengthFailsWithEinval) {
  EXPECT_ERRNO(EINVAL, truncate(Path("file"), -1));
  EXPECT_ERRNO(EINVAL, ftruncate(fd_.get(), -1));
  EXPECT_ERRNO(EINVAL, ftruncate(fd_.get(), std::numeric_limits<off_t>::min()));
}

TEST_F(TruncateTest, LargestLengthEitherWorksOrFailsWithEfbig) {
  if (truncate(Path("file"), kOffsetMax) == 0) {
    EXPECT_EQ(Stat(Path("file")).st_size, kOffsetMax);
  } else {
    EXPECT_EQ(errno, EFBIG);
  }
  EXPECT_OK(truncate(Path("file"), 10));
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(TruncateTest, DescriptorThatCannotWriteFailsWithEinval) {
  Fd reader = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(EINVAL, ftruncate(reader.get(), 0));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(EINVAL, ftruncate(directory.get(), 0));
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(EINVAL, ftruncate(ends[1], 0));
  close(ends[0]);
  close(ends[1]);
  EXPECT_ERRNO(EBADF, ftruncate(-1, 0));
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(TruncateTest, AppendModeDescriptorCanTruncate) {
  Fd appender = OpenFile(Path("file"), O_WRONLY | O_APPEND);
  EXPECT_OK(ftruncate(appender.get(), 3));
  WriteAll(appender.get(), "x");
  EXPECT_EQ(Content(), "012x");
}

TEST_F(TruncateTest, ErrorsOfTruncate) {
  ASSERT_OK(symlink("loop", Path("loop")));
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_ERRNO(EISDIR, truncate(Root(), 0));
  EXPECT_ERRNO(EINVAL, truncate(Path("fifo"), 0));
  EXPECT_ERRNO(ENOENT, truncate(Path("missing"), 0));
  EXPECT_ERRNO(ENOENT, truncate("", 0));
  EXPECT_ERRNO(ENOTDIR, truncate(Path("file/x"), 0));
  EXPECT_ERRNO(ELOOP, truncate(Path("loop"), 0));
  EXPECT_ERRNO(ENAMETOOLONG, truncate(Path(std::string(256, 'n')), 0));
  EXPECT_ERRNO(EFAULT, truncate(BadPointer<const char>(), 0));
}

TEST_F(TruncateTest, NeedsWritePermission) {
  ASSERT_OK(chmod(Path("file"), 0444));
  ASSERT_OK(mkdir(Path("closed"), 0755));
  WriteFile(Path("closed/file"), "", 0666);
  ASSERT_OK(chmod(Path("closed"), 0600));
  GiveToOrdinaryUser(Path("closed"));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EACCES, truncate(Path("file"), 0));
    EXPECT_ERRNO(EACCES, truncate(Path("closed/file"), 0));
  });
  ASSERT_OK(chmod(Path("closed"), 0755));
}

TEST_F(TruncateTest, RunningProgramFailsWithEtxtbsy) {
  // This test's own executable; a copy would only show the same.
  if (RunsAsRoot()) {
    EXPECT_ERRNO(OneOf(ETXTBSY, EROFS), truncate("/proc/self/exe", 1 << 20));
  } else {
    EXPECT_ERRNO(OneOf(EACCES, ETXTBSY, EROFS), truncate("/proc/self/exe", 1 << 20));
  }
}

TEST_F(TruncateTest, BeyondTheFileSizeLimitFailsWithEfbigAndSigxfsz) {
  ExpectPassesInChild([&] {
    static volatile sig_atomic_t signals = 0;
    ScopedSignalHandler handler(SIGXFSZ, [](int) { signals = signals + 1; });
    ScopedSoftLimit limit(RLIMIT_FSIZE, 100);
    EXPECT_OK(ftruncate(fd_.get(), 100));
    EXPECT_ERRNO(EFBIG, ftruncate(fd_.get(), 101));
    EXPECT_ERRNO(EFBIG, truncate(Path("file"), 200));
    EXPECT_EQ(signals, 2);
    EXPECT_OK(ftruncate(fd_.get(), 5));
  });
}

TEST_F(TruncateTest, RemovesSetuidWhenAnOrdinaryUserDoesIt) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 06777));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_OK(truncate(Path("file"), 4)); });
  EXPECT_EQ(PermissionBits(Stat(Path("file"))), 0777u);
}

// Not provoked: EIO; EROFS (needs a read-only mount); EINTR (only on network file systems); EPERM
// (a seal: see memfd_test.cc; an append-only file: needs chattr).

}  // namespace
}  // namespace ukrun::compat_tests
