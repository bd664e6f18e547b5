// rename(2), renameat(2) and renameat2(2).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class RenameTest : public TempDirTest {
 protected:
  // file ("file"), other ("other"), dir/inner ("inner"), empty/
  void SetUp() override {
    WriteFile(Path("file"), "file");
    WriteFile(Path("other"), "other");
    ASSERT_OK(mkdir(Path("dir"), 0755));
    WriteFile(Path("dir/inner"), "inner");
    ASSERT_OK(mkdir(Path("empty"), 0755));
  }
};

TEST_F(RenameTest, MovesAFileWithItsInode) {
  const ino_t inode = Stat(Path("file")).st_ino;
  ASSERT_OK(rename(Path("file"), Path("dir/moved")));
  EXPECT_FALSE(Exists(Path("file")));
  EXPECT_EQ(ReadFile(Path("dir/moved")), "file");
  EXPECT_EQ(Stat(Path("dir/moved")).st_ino, inode);
}

TEST_F(RenameTest, ReplacesAnExistingFile) {
  Fd replaced = OpenFile(Path("other"), O_RDONLY);
  ASSERT_OK(rename(Path("file"), Path("other")));
  EXPECT_FALSE(Exists(Path("file")));
  EXPECT_EQ(ReadFile(Path("other")), "file");
  // Who has the replaced file open keeps it.
  EXPECT_EQ(ReadAll(replaced.get()), "other");
  EXPECT_EQ(FdStat(replaced.get()).st_nlink, 0u);
}

TEST_F(RenameTest, OntoItselfDoesNothing) {
  EXPECT_OK(rename(Path("file"), Path("file")));
  EXPECT_EQ(ReadFile(Path("file")), "file");
  EXPECT_OK(rename(Path("dir"), Path("dir")));
  EXPECT_TRUE(Exists(Path("dir/inner")));
}

TEST_F(RenameTest, BetweenTwoHardLinksOfOneFileDoesNothing) {
  ASSERT_OK(link(Path("file"), Path("second")));
  EXPECT_OK(rename(Path("file"), Path("second")));
  EXPECT_TRUE(Exists(Path("file")));
  EXPECT_TRUE(Exists(Path("second")));
  EXPECT_EQ(Stat(Path("file")).st_nlink, 2u);
}

TEST_F(RenameTest, MovesADirectoryWithItsContent) {
  ASSERT_OK(rename(Path("dir"), Path("empty/moved")));
  EXPECT_FALSE(Exists(Path("dir")));
  EXPECT_EQ(ReadFile(Path("empty/moved/inner")), "inner");
  EXPECT_EQ(Stat(Path("empty/moved/..")).st_ino, Stat(Path("empty")).st_ino);
}

TEST_F(RenameTest, AcceptsTrailingSlashesForDirectoriesOnly) {
  EXPECT_OK(rename(Path("dir/"), Path("moved/")));
  EXPECT_TRUE(Exists(Path("moved/inner")));
  EXPECT_ERRNO(ENOTDIR, rename(Path("file/"), Path("new")));
  EXPECT_ERRNO(ENOTDIR, rename(Path("file"), Path("new/")));
  EXPECT_TRUE(Exists(Path("file")));
}

TEST_F(RenameTest, ReplacesAnEmptyDirectory) {
  ASSERT_OK(rename(Path("dir"), Path("empty")));
  EXPECT_FALSE(Exists(Path("dir")));
  EXPECT_EQ(ReadFile(Path("empty/inner")), "inner");
}

TEST_F(RenameTest, OntoANonEmptyDirectoryFailsWithEnotempty) {
  EXPECT_ERRNO(OneOf(ENOTEMPTY, EEXIST), rename(Path("empty"), Path("dir")));
  EXPECT_TRUE(Exists(Path("empty")));
  EXPECT_TRUE(Exists(Path("dir/inner")));
}

TEST_F(RenameTest, FileOntoDirectoryFailsWithEisdir) {
  EXPECT_ERRNO(EISDIR, rename(Path("file"), Path("empty")));
}

TEST_F(RenameTest, DirectoryOntoFileFailsWithEnotdir) {
  EXPECT_ERRNO(ENOTDIR, rename(Path("dir"), Path("file")));
}

TEST_F(RenameTest, IntoItsOwnSubdirectoryFailsWithEinval) {
  ASSERT_OK(mkdir(Path("dir/sub"), 0755));
  EXPECT_ERRNO(EINVAL, rename(Path("dir"), Path("dir/sub/moved")));
  EXPECT_ERRNO(EINVAL, rename(Path("dir"), Path("dir/moved")));
  EXPECT_ERRNO(EINVAL, rename(Path("dir"), Path("dir/sub")));
}

TEST_F(RenameTest, OntoItsOwnAncestorFailsWithEnotempty) {
  ASSERT_OK(mkdir(Path("dir/sub"), 0755));
  EXPECT_ERRNO(ENOTEMPTY, rename(Path("dir/sub"), Path("dir")));
  EXPECT_ERRNO(ENOTEMPTY, rename(Path("dir/inner"), Path("dir")));
}

TEST_F(RenameTest, DotAndDotDotFailWithEbusy) {
  EXPECT_ERRNO(EBUSY, rename(Path("dir/."), Path("new")));
  EXPECT_ERRNO(EBUSY, rename(Path("dir/.."), Path("new")));
  EXPECT_ERRNO(EBUSY, rename(Path("empty"), Path("dir/.")));
  EXPECT_ERRNO(EBUSY, rename(Path("empty"), Path("dir/..")));
  EXPECT_ERRNO(OneOf(EBUSY, EXDEV), rename("/", Path("new")));  // EXDEV: on another mount
}

TEST_F(RenameTest, MovesASymlinkNotItsTarget) {
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(rename(Path("link"), Path("moved")));
  EXPECT_EQ(ReadLink(Path("moved")), "file");
  EXPECT_TRUE(Exists(Path("file")));
}

TEST_F(RenameTest, ReplacesASymlinkNotItsTarget) {
  ASSERT_OK(symlink("other", Path("link")));
  ASSERT_OK(rename(Path("file"), Path("link")));
  EXPECT_TRUE(S_ISREG(LinkStat(Path("link")).st_mode));
  EXPECT_EQ(ReadFile(Path("other")), "other");
}

TEST_F(RenameTest, OldDirectoryPathIsGoneAndNewOneCanBeFilled) {
  ASSERT_OK(rename(Path("dir"), Path("moved")));
  EXPECT_ERRNO(ENOENT, open(Path("dir/inner"), O_RDONLY));
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_ERRNO(ENOENT, open(Path("dir/inner"), O_RDONLY));
  WriteFile(Path("dir/inner"), "new");
  EXPECT_EQ(ReadFile(Path("moved/inner")), "inner");
}

TEST_F(RenameTest, OpenDescriptorsSeeNothingOfIt) {
  Fd fd = OpenFile(Path("dir/inner"), O_RDWR | O_APPEND);
  ASSERT_OK(rename(Path("dir"), Path("moved")));
  WriteAll(fd.get(), "+");
  EXPECT_EQ(ReadFile(Path("moved/inner")), "inner+");
}

TEST_F(RenameTest, SetsTheTimesOfBothDirectories) {
  const timespec old_times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_OK(utimensat(AT_FDCWD, Path("dir"), old_times, 0));
  ASSERT_OK(utimensat(AT_FDCWD, Path("empty"), old_times, 0));
  ASSERT_OK(rename(Path("dir/inner"), Path("empty/inner")));
  EXPECT_GT(Stat(Path("dir")).st_mtime, 1'000'000);
  EXPECT_GT(Stat(Path("empty")).st_mtime, 1'000'000);
}

TEST_F(RenameTest, WorksRelativeToDirectoryDescriptors) {
  Fd from = OpenFile(Path("dir"), O_RDONLY | O_DIRECTORY);
  Fd to = OpenFile(Path("empty"), O_RDONLY | O_DIRECTORY);
  EXPECT_OK(renameat(from.get(), "inner", to.get(), "arrived"));
  EXPECT_TRUE(Exists(Path("empty/arrived")));
}

TEST_F(RenameTest, AcrossFileSystemsFailsWithExdev) {
  EXPECT_ERRNO(EXDEV, rename(Path("file"), "/proc/file"));
  EXPECT_ERRNO(EXDEV, rename("/proc/version", Path("version")));
}

TEST_F(RenameTest, ErrorsOfRename) {
  ASSERT_OK(symlink("loop", Path("loop")));
  const std::string too_long(256, 'n');
  EXPECT_ERRNO(ENOENT, rename(Path("missing"), Path("new")));
  EXPECT_ERRNO(ENOENT, rename(Path("file"), Path("missing/new")));
  EXPECT_ERRNO(ENOENT, rename("", Path("new")));
  EXPECT_ERRNO(ENOENT, rename(Path("file"), ""));
  EXPECT_ERRNO(ENOTDIR, rename(Path("file/x"), Path("new")));
  EXPECT_ERRNO(ENOTDIR, rename(Path("other"), Path("file/x")));
  EXPECT_ERRNO(ELOOP, rename(Path("loop/x"), Path("new")));
  EXPECT_ERRNO(ENAMETOOLONG, rename(Path(too_long), Path("new")));
  EXPECT_ERRNO(ENAMETOOLONG, rename(Path("file"), Path(too_long)));
  EXPECT_ERRNO(EFAULT, rename(BadPointer<const char>(), Path("new")));
  EXPECT_ERRNO(EFAULT, rename(Path("file"), BadPointer<const char>()));
  EXPECT_ERRNO(EBADF, renameat(-1, "file", AT_FDCWD, Path("new")));
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, renameat(fd.get(), "file", AT_FDCWD, Path("new")));
  EXPECT_EQ(ReadFile(Path("file")), "file");
}

TEST_F(RenameTest, NeedsWritePermissionOnBothDirectories) {
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    const std::string open_dir = own.path() + "/open";
    const std::string frozen = own.path() + "/frozen";
    ASSERT_OK(mkdir(open_dir.c_str(), 0755));
    ASSERT_OK(mkdir(frozen.c_str(), 0755));
    WriteFile((open_dir + "/a").c_str(), "");
    WriteFile((frozen + "/b").c_str(), "");
    ASSERT_OK(chmod(frozen.c_str(), 0555));
    EXPECT_ERRNO(EACCES, rename((open_dir + "/a").c_str(), (frozen + "/a").c_str()));
    EXPECT_ERRNO(EACCES, rename((frozen + "/b").c_str(), (open_dir + "/b").c_str()));
    EXPECT_ERRNO(EACCES, rename((frozen + "/b").c_str(), (frozen + "/c").c_str()));
    ASSERT_OK(chmod(frozen.c_str(), 0755));
  });
}

TEST_F(RenameTest, MovingADirectoryNeedsWritePermissionOnItselfToo) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Root(), 0777));
  ExpectPassesAsOrdinaryUser([&] {
    // Its ".." would change; it belongs to root.
    ASSERT_OK(mkdir(Path("mine"), 0755));
    EXPECT_ERRNO(EACCES, rename(Path("dir"), Path("mine/dir")));
    EXPECT_OK(rename(Path("dir"), Path("same-parent")));
  });
}

class RenameAt2Test : public RenameTest {
 protected:
  static int RenameAt2(const char* from, const char* to, unsigned flags) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
  }
};

TEST_F(RenameAt2Test, NoReplaceMovesToAFreeName) {
  EXPECT_OK(RenameAt2(Path("file"), Path("new"), RENAME_NOREPLACE));
  EXPECT_EQ(ReadFile(Path("new")), "file");
}

TEST_F(RenameAt2Test, NoReplaceOntoAnythingFailsWithEexist) {
  ASSERT_OK(symlink("missing", Path("dangling")));
  for (const char* name : {"other", "empty", "dangling", "file"}) {
    EXPECT_ERRNO(EEXIST, RenameAt2(Path("file"), Path(name), RENAME_NOREPLACE)) << name;
  }
  EXPECT_EQ(ReadFile(Path("other")), "other");
}

TEST_F(RenameAt2Test, ExchangeSwapsTwoFiles) {
  const ino_t file = Stat(Path("file")).st_ino;
  EXPECT_OK(RenameAt2(Path("file"), Path("other"), RENAME_EXCHANGE));
  EXPECT_EQ(ReadFile(Path("file")), "other");
  EXPECT_EQ(ReadFile(Path("other")), "file");
  EXPECT_EQ(Stat(Path("other")).st_ino, file);
}

TEST_F(RenameAt2Test, ExchangeSwapsAFileWithADirectoryElsewhere) {
  ASSERT_OK(mkdir(Path("empty/deep"), 0755));
  EXPECT_OK(RenameAt2(Path("file"), Path("empty/deep"), RENAME_EXCHANGE));
  EXPECT_TRUE(S_ISDIR(Stat(Path("file")).st_mode));
  EXPECT_EQ(ReadFile(Path("empty/deep")), "file");
  EXPECT_EQ(Stat(Path("file/..")).st_ino, Stat(Root()).st_ino);
}

TEST_F(RenameAt2Test, ExchangeSwapsNonEmptyDirectories) {
  ASSERT_OK(mkdir(Path("second"), 0755));
  WriteFile(Path("second/two"), "");
  EXPECT_OK(RenameAt2(Path("dir"), Path("second"), RENAME_EXCHANGE));
  EXPECT_TRUE(Exists(Path("dir/two")));
  EXPECT_TRUE(Exists(Path("second/inner")));
}

TEST_F(RenameAt2Test, ExchangeNeedsBothNames) {
  EXPECT_ERRNO(ENOENT, RenameAt2(Path("file"), Path("missing"), RENAME_EXCHANGE));
  EXPECT_ERRNO(ENOENT, RenameAt2(Path("missing"), Path("file"), RENAME_EXCHANGE));
}

TEST_F(RenameAt2Test, ExchangeWithAnAncestorFailsWithEinval) {
  EXPECT_ERRNO(EINVAL, RenameAt2(Path("dir"), Path("dir/inner"), RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, RenameAt2(Path("dir/inner"), Path("dir"), RENAME_EXCHANGE));
}

TEST_F(RenameAt2Test, ContradictoryOrUnknownFlagsFailWithEinval) {
  EXPECT_ERRNO(EINVAL, RenameAt2(Path("file"), Path("other"), RENAME_NOREPLACE | RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, RenameAt2(Path("file"), Path("other"), RENAME_WHITEOUT | RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, RenameAt2(Path("file"), Path("other"), 1u << 20));
  EXPECT_EQ(ReadFile(Path("other")), "other");
}

TEST_F(RenameAt2Test, WhiteoutLeavesADeviceZeroBehindOrIsRefused) {
  // A kernel may refuse it: only the implementation of overlay file systems uses it.
  if (RenameAt2(Path("file"), Path("new"), RENAME_WHITEOUT) != 0) {
    EXPECT_TRUE(errno == EINVAL || errno == EPERM) << ErrnoName(errno);
    EXPECT_EQ(ReadFile(Path("file")), "file");
    return;
  }
  EXPECT_EQ(ReadFile(Path("new")), "file");
  const struct stat whiteout = LinkStat(Path("file"));
  EXPECT_TRUE(S_ISCHR(whiteout.st_mode));
  EXPECT_EQ(whiteout.st_rdev, 0u);
}

// Not provoked: EBUSY of a mount point or another process's root (needs mounts of one's own);
// EDQUOT, ENOSPC, EMLINK (limits of file systems); ENOMEM; EROFS; EPERM of the sticky bit is in
// permission_test.cc.

}  // namespace
}  // namespace ukrun::compat_tests
