// stat(2), lstat(2), fstat(2), fstatat(2) and statx(2).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class StatTest : public TempDirTest {};

TEST_F(StatTest, ReportsTypeModeOwnerAndSizeOfAFile) {
  WriteFile(Path("file"), "content", 04751);
  const struct stat status = Stat(Path("file"));
  EXPECT_EQ(status.st_mode, mode_t{S_IFREG | 04751});
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(status.st_gid, getegid());
  EXPECT_EQ(status.st_size, 7);
  EXPECT_EQ(status.st_nlink, 1u);
  EXPECT_NE(status.st_ino, 0u);
  EXPECT_GT(status.st_blksize, 0);
  EXPECT_EQ(status.st_rdev, 0u);
}

TEST_F(StatTest, KnowsEveryTypeOfFile) {
  WriteFile(Path("file"), "");
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(mkfifo(Path("fifo"), 0644));
  ASSERT_OK(mknod(Path("socket"), S_IFSOCK | 0644, 0));
  EXPECT_TRUE(S_ISREG(LinkStat(Path("file")).st_mode));
  EXPECT_TRUE(S_ISDIR(LinkStat(Path("dir")).st_mode));
  EXPECT_TRUE(S_ISLNK(LinkStat(Path("link")).st_mode));
  EXPECT_TRUE(S_ISFIFO(LinkStat(Path("fifo")).st_mode));
  EXPECT_TRUE(S_ISSOCK(LinkStat(Path("socket")).st_mode));
  EXPECT_TRUE(S_ISCHR(LinkStat("/dev/null").st_mode));
}

TEST_F(StatTest, MknodWithoutATypeMakesARegularFile) {
  ASSERT_OK(mknod(Path("file"), 0600, 0));
  EXPECT_TRUE(S_ISREG(Stat(Path("file")).st_mode));
  EXPECT_ERRNO(EEXIST, mknod(Path("file"), S_IFREG | 0600, 0));
  EXPECT_ERRNO(EPERM, mknod(Path("dir"), S_IFDIR | 0700, 0));
  EXPECT_ERRNO(EINVAL, mknod(Path("link"), S_IFLNK | 0700, 0));
  ExpectPassesAsOrdinaryUser([] {
    TempDir own;
    EXPECT_ERRNO(EPERM, mknod((own.path() + "/null").c_str(), S_IFCHR | 0600, makedev(1, 3)));
  });
}

TEST_F(StatTest, LstatDescribesTheLinkAndStatItsTarget) {
  WriteFile(Path("file"), "content");
  ASSERT_OK(symlink("file", Path("link")));
  EXPECT_EQ(LinkStat(Path("link")).st_size, 4);
  EXPECT_EQ(PermissionBits(LinkStat(Path("link"))), 0777u);
  EXPECT_EQ(Stat(Path("link")).st_size, 7);
  EXPECT_EQ(Stat(Path("link")).st_ino, Stat(Path("file")).st_ino);
  EXPECT_NE(LinkStat(Path("link")).st_ino, Stat(Path("file")).st_ino);
}

TEST_F(StatTest, AllFormsAgree) {
  WriteFile(Path("file"), "content");
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  Fd directory = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
  const struct stat by_path = Stat(Path("file"));
  const struct stat by_fd = FdStat(fd.get());
  struct stat by_name = {};
  ASSERT_OK(fstatat(directory.get(), "file", &by_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
  for (const struct stat& other : {by_fd, by_name}) {
    EXPECT_EQ(other.st_dev, by_path.st_dev);
    EXPECT_EQ(other.st_ino, by_path.st_ino);
    EXPECT_EQ(other.st_mode, by_path.st_mode);
    EXPECT_EQ(other.st_size, by_path.st_size);
    EXPECT_EQ(ToNs(other.st_mtim), ToNs(by_path.st_mtim));
    EXPECT_EQ(ToNs(other.st_ctim), ToNs(by_path.st_ctim));
  }
}

TEST_F(StatTest, InodeNumberIsUniqueAndSurvivesRenameAndReopen) {
  WriteFile(Path("one"), "");
  WriteFile(Path("two"), "");
  const struct stat one = Stat(Path("one"));
  const struct stat two = Stat(Path("two"));
  EXPECT_NE(one.st_ino, two.st_ino);
  EXPECT_EQ(one.st_dev, two.st_dev);
  ASSERT_OK(rename(Path("one"), Path("three")));
  EXPECT_EQ(Stat(Path("three")).st_ino, one.st_ino);
  WriteFile(Path("three"), "changed");
  EXPECT_EQ(Stat(Path("three")).st_ino, one.st_ino);
}

TEST_F(StatTest, InodeAndDeviceOfAFileNobodyChangesAreStable) {
  const struct stat before = Stat("/bin/sh");
  const struct stat open_file = FdStat(OpenFile("/bin/sh", O_RDONLY).get());
  EXPECT_EQ(before.st_ino, open_file.st_ino);
  EXPECT_EQ(before.st_dev, open_file.st_dev);
  EXPECT_EQ(before.st_ino, Stat("/bin/sh").st_ino);
}

TEST_F(StatTest, LinkCountFollowsHardLinks) {
  WriteFile(Path("file"), "");
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  ASSERT_OK(link(Path("file"), Path("second")));
  EXPECT_EQ(Stat(Path("file")).st_nlink, 2u);
  EXPECT_EQ(Stat(Path("second")).st_ino, Stat(Path("file")).st_ino);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(FdStat(fd.get()).st_nlink, 1u);
  ASSERT_OK(unlink(Path("second")));
  EXPECT_EQ(FdStat(fd.get()).st_nlink, 0u);
}

TEST_F(StatTest, BlocksCountWhatIsAllocated) {
  WriteFile(Path("empty"), "");
  EXPECT_EQ(Stat(Path("empty")).st_blocks, 0);
  WriteFile(Path("full"), std::string(1 << 20, 'x'));
  EXPECT_GE(Stat(Path("full")).st_blocks, (1 << 20) / 512);
  Fd sparse = OpenFile(Path("sparse"), O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(sparse.get(), off_t{1} << 30));
  EXPECT_EQ(FdStat(sparse.get()).st_size, off_t{1} << 30);
  EXPECT_LT(FdStat(sparse.get()).st_blocks, 2048);
}

TEST_F(StatTest, NewFileHasTheThreeTimesOfItsBirth) {
  const int64_t before = FileClockNs();
  WriteFile(Path("file"), "x");
  const int64_t after = RealTimeNs();
  const struct stat status = Stat(Path("file"));
  for (const timespec& time : {status.st_atim, status.st_mtim, status.st_ctim}) {
    EXPECT_GE(ToNs(time), before);
    EXPECT_LE(ToNs(time), after);
  }
}

TEST_F(StatTest, DescribesPipesSocketsAndDevices) {
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_TRUE(S_ISFIFO(FdStat(ends[0]).st_mode));
  EXPECT_EQ(FdStat(ends[0]).st_ino, FdStat(ends[1]).st_ino);
  close(ends[0]);
  close(ends[1]);
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  EXPECT_TRUE(S_ISSOCK(FdStat(ends[0]).st_mode));
  EXPECT_NE(FdStat(ends[0]).st_ino, FdStat(ends[1]).st_ino);
  close(ends[0]);
  close(ends[1]);
  const struct stat null = Stat("/dev/null");
  EXPECT_EQ(null.st_rdev, makedev(1, 3));
}

TEST_F(StatTest, NeedsSearchButNotReadPermission) {
  ASSERT_OK(mkdir(Path("dir"), 0700));
  WriteFile(Path("dir/file"), "content", 0);
  GiveToOrdinaryUser(Path("dir/file"));
  GiveToOrdinaryUser(Path("dir"));
  ExpectPassesAsOrdinaryUser([&] {
    struct stat status;
    EXPECT_OK(stat(Path("dir/file"), &status));
    ASSERT_OK(chmod(Path("dir"), 0600));
    EXPECT_ERRNO(EACCES, stat(Path("dir/file"), &status));
    EXPECT_ERRNO(EACCES, lstat(Path("dir/file"), &status));
    ASSERT_OK(chmod(Path("dir"), 0700));
  });
}

TEST_F(StatTest, ErrorsOfStat) {
  WriteFile(Path("file"), "");
  ASSERT_OK(symlink("loop", Path("loop")));
  struct stat status;
  EXPECT_ERRNO(ENOENT, stat(Path("missing"), &status));
  EXPECT_ERRNO(ENOTDIR, stat(Path("file/x"), &status));
  EXPECT_ERRNO(ELOOP, stat(Path("loop"), &status));
  EXPECT_ERRNO(ENAMETOOLONG, stat(Path(std::string(256, 'n')), &status));
  EXPECT_ERRNO(EBADF, fstat(-1, &status));
  EXPECT_ERRNO(EBADF, fstatat(-1, "file", &status, 0));
  EXPECT_ERRNO(EINVAL, fstatat(AT_FDCWD, Path("file"), &status, 0x40000000));
  EXPECT_ERRNO(EFAULT, stat(BadPointer<const char>(), &status));
  EXPECT_ERRNO(EFAULT, stat(Path("file"), BadPointer<struct stat>()));
}

class StatxTest : public TempDirTest {
 protected:
  void SetUp() override { WriteFile(Path("file"), "content", 0640); }
};

TEST_F(StatxTest, BasicStatsAgreeWithStat) {
  struct statx extended = {};
  ASSERT_OK(statx(AT_FDCWD, Path("file"), 0, STATX_BASIC_STATS, &extended));
  const struct stat status = Stat(Path("file"));
  EXPECT_EQ(extended.stx_mask & STATX_BASIC_STATS, unsigned{STATX_BASIC_STATS});
  EXPECT_EQ(extended.stx_mode, status.st_mode);
  EXPECT_EQ(extended.stx_size, 7u);
  EXPECT_EQ(extended.stx_ino, status.st_ino);
  EXPECT_EQ(extended.stx_nlink, 1u);
  EXPECT_EQ(extended.stx_uid, status.st_uid);
  EXPECT_EQ(extended.stx_gid, status.st_gid);
  EXPECT_EQ(extended.stx_blksize, static_cast<unsigned>(status.st_blksize));
  EXPECT_EQ(extended.stx_blocks, static_cast<uint64_t>(status.st_blocks));
  EXPECT_EQ(makedev(extended.stx_dev_major, extended.stx_dev_minor), status.st_dev);
  EXPECT_EQ(extended.stx_mtime.tv_sec, status.st_mtim.tv_sec);
  EXPECT_EQ(int64_t{extended.stx_mtime.tv_nsec}, status.st_mtim.tv_nsec);
  EXPECT_EQ(extended.stx_ctime.tv_sec, status.st_ctim.tv_sec);
  EXPECT_EQ(extended.stx_atime.tv_sec, status.st_atim.tv_sec);
}

TEST_F(StatxTest, BirthTimeIfOfferedIsNotAfterNow) {
  struct statx extended = {};
  ASSERT_OK(statx(AT_FDCWD, Path("file"), 0, STATX_BTIME, &extended));
  if ((extended.stx_mask & STATX_BTIME) != 0) {
    EXPECT_LE(extended.stx_btime.tv_sec * 1'000'000'000 + extended.stx_btime.tv_nsec, RealTimeNs());
    EXPECT_GT(extended.stx_btime.tv_sec, 0);
  }
}

TEST_F(StatxTest, MayGiveMoreThanAskedButSaysWhat) {
  struct statx extended = {};
  ASSERT_OK(statx(AT_FDCWD, Path("file"), 0, STATX_SIZE, &extended));
  EXPECT_EQ(extended.stx_mask & STATX_SIZE, unsigned{STATX_SIZE});
  EXPECT_EQ(extended.stx_size, 7u);
  // A mask of zero, and bits that no kernel knows, are both fine.
  EXPECT_OK(statx(AT_FDCWD, Path("file"), 0, 0, &extended));
  EXPECT_OK(statx(AT_FDCWD, Path("file"), 0, 0x40000000, &extended));
  EXPECT_EQ(extended.stx_mask & 0x40000000, 0u);
}

TEST_F(StatxTest, FollowsLinksUnlessTold) {
  ASSERT_OK(symlink("file", Path("link")));
  struct statx extended = {};
  ASSERT_OK(statx(AT_FDCWD, Path("link"), 0, STATX_TYPE, &extended));
  EXPECT_TRUE(S_ISREG(extended.stx_mode));
  ASSERT_OK(statx(AT_FDCWD, Path("link"), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &extended));
  EXPECT_TRUE(S_ISLNK(extended.stx_mode));
}

TEST_F(StatxTest, AcceptsTheSyncFlagsOneAtATime) {
  struct statx extended = {};
  EXPECT_OK(statx(AT_FDCWD, Path("file"), AT_STATX_FORCE_SYNC, STATX_SIZE, &extended));
  EXPECT_OK(statx(AT_FDCWD, Path("file"), AT_STATX_DONT_SYNC, STATX_SIZE, &extended));
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, Path("file"), AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC,
                             STATX_SIZE, &extended));
}

TEST_F(StatxTest, DescribesADescriptor) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  struct statx extended = {};
  ASSERT_OK(statx(fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended));
  EXPECT_EQ(extended.stx_size, 7u);
  EXPECT_ERRNO(ENOENT, statx(fd.get(), "", 0, STATX_BASIC_STATS, &extended));
}

TEST_F(StatxTest, DevicesShowTheirNumbers) {
  struct statx extended = {};
  ASSERT_OK(statx(AT_FDCWD, "/dev/zero", 0, STATX_BASIC_STATS, &extended));
  EXPECT_EQ(extended.stx_rdev_major, 1u);
  EXPECT_EQ(extended.stx_rdev_minor, 5u);
}

TEST_F(StatxTest, ErrorsOfStatx) {
  struct statx extended = {};
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, Path("file"), 0, STATX__RESERVED, &extended));
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, Path("file"), 0x40000000, STATX_SIZE, &extended));
  EXPECT_ERRNO(ENOENT, statx(AT_FDCWD, Path("missing"), 0, STATX_SIZE, &extended));
  EXPECT_ERRNO(ENOTDIR, statx(AT_FDCWD, Path("file/x"), 0, STATX_SIZE, &extended));
  EXPECT_ERRNO(EBADF, statx(-1, "file", 0, STATX_SIZE, &extended));
  EXPECT_ERRNO(ENAMETOOLONG,
               statx(AT_FDCWD, Path(std::string(256, 'n')), 0, STATX_SIZE, &extended));
  auto* const bad = BadPointer<struct statx>();
  EXPECT_ERRNO(EFAULT, statx(AT_FDCWD, Path("file"), 0, STATX_SIZE, bad));
  EXPECT_ERRNO(EFAULT, statx(AT_FDCWD, BadPointer<const char>(), 0, STATX_SIZE, &extended));
}

// Not provoked: ENOMEM; EOVERFLOW (only in 32-bit programs).

}  // namespace
}  // namespace ukrun::compat_tests
