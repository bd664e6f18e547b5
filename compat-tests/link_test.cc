// link(2), symlink(2), readlink(2), unlink(2) and what becomes of files that are unlinked while
// they are open.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class LinkTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "content");
    ASSERT_OK(mkdir(Path("dir"), 0755));
  }
};

TEST_F(LinkTest, GivesAFileASecondEqualName) {
  ASSERT_OK(link(Path("file"), Path("dir/second")));
  EXPECT_EQ(Stat(Path("file")).st_ino, Stat(Path("dir/second")).st_ino);
  EXPECT_EQ(Stat(Path("file")).st_nlink, 2u);
  WriteFile(Path("dir/second"), "changed");
  EXPECT_EQ(ReadFile(Path("file")), "changed");
  ASSERT_OK(chmod(Path("file"), 0600));
  EXPECT_EQ(PermissionBits(Stat(Path("dir/second"))), 0600u);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(ReadFile(Path("dir/second")), "changed");
  EXPECT_EQ(Stat(Path("dir/second")).st_nlink, 1u);
}

TEST_F(LinkTest, ManyLinksAreCounted) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(link(Path("file"), Path("link" + std::to_string(i))));
  }
  EXPECT_EQ(Stat(Path("file")).st_nlink, 201u);
}

TEST_F(LinkTest, ChangesTheStatusTimeOfTheFile) {
  const int64_t before = ToNs(Stat(Path("file")).st_ctim);
  WaitForFileClockTick();
  ASSERT_OK(link(Path("file"), Path("second")));
  EXPECT_GT(ToNs(Stat(Path("file")).st_ctim), before);
}

TEST_F(LinkTest, ToASymlinkLinksTheSymlinkItself) {
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(link(Path("link"), Path("second")));
  EXPECT_TRUE(S_ISLNK(LinkStat(Path("second")).st_mode));
  ASSERT_OK(linkat(AT_FDCWD, Path("link"), AT_FDCWD, Path("followed"), AT_SYMLINK_FOLLOW));
  EXPECT_TRUE(S_ISREG(LinkStat(Path("followed")).st_mode));
  EXPECT_EQ(Stat(Path("file")).st_nlink, 2u);
}

TEST_F(LinkTest, ExistingTargetFailsWithEexist) {
  WriteFile(Path("other"), "other");
  ASSERT_OK(symlink("missing", Path("dangling")));
  for (const char* name : {"other", "dir", "dangling", "file"}) {
    EXPECT_ERRNO(EEXIST, link(Path("file"), Path(name))) << name;
  }
  EXPECT_EQ(ReadFile(Path("other")), "other");
}

TEST_F(LinkTest, ToADirectoryFailsWithEperm) {
  EXPECT_ERRNO(EPERM, link(Path("dir"), Path("second")));
}

TEST_F(LinkTest, AcrossFileSystemsFailsWithExdev) {
  // memfds live on a mount of their own.
  Fd fd(memfd_create("elsewhere", MFD_CLOEXEC));
  ASSERT_OK(fd.get());
  EXPECT_ERRNO(
      EXDEV, linkat(AT_FDCWD, FdPath(fd.get()).c_str(), AT_FDCWD, Path("new"), AT_SYMLINK_FOLLOW));
  EXPECT_ERRNO(EXDEV, link("/proc/version", Path("new")));
}

TEST_F(LinkTest, ErrorsOfLink) {
  ASSERT_OK(symlink("loop", Path("loop")));
  const std::string too_long(256, 'n');
  EXPECT_ERRNO(ENOENT, link(Path("missing"), Path("new")));
  EXPECT_ERRNO(ENOENT, link(Path("file"), Path("missing/new")));
  EXPECT_ERRNO(ENOENT, link("", Path("new")));
  EXPECT_ERRNO(ENOENT, link(Path("file"), Path("new/")));
  EXPECT_ERRNO(ENOTDIR, link(Path("file/x"), Path("new")));
  EXPECT_ERRNO(ENOTDIR, link(Path("file"), Path("file/x")));
  EXPECT_ERRNO(ELOOP, link(Path("loop/x"), Path("new")));
  EXPECT_ERRNO(ENAMETOOLONG, link(Path(too_long), Path("new")));
  EXPECT_ERRNO(ENAMETOOLONG, link(Path("file"), Path(too_long)));
  EXPECT_ERRNO(EFAULT, link(BadPointer<const char>(), Path("new")));
  EXPECT_ERRNO(EFAULT, link(Path("file"), BadPointer<const char>()));
  EXPECT_ERRNO(EBADF, linkat(-1, "file", AT_FDCWD, Path("new"), 0));
  EXPECT_ERRNO(EINVAL, linkat(AT_FDCWD, Path("file"), AT_FDCWD, Path("new"), 0x40000000));
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(ENOENT, linkat(fd.get(), "", AT_FDCWD, Path("new"), 0));
  EXPECT_FALSE(Exists(Path("new")));
}

TEST_F(LinkTest, RootLinksADescriptorByEmptyPath) {
  SKIP_UNLESS_ROOT();
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_OK(linkat(fd.get(), "", AT_FDCWD, Path("new"), AT_EMPTY_PATH));
  EXPECT_EQ(Stat(Path("file")).st_nlink, 2u);
}

TEST_F(LinkTest, NeedsWritePermissionOnTheDirectory) {
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    const std::string file = own.path() + "/file";
    WriteFile(file.c_str(), "");
    ASSERT_OK(chmod(own.path().c_str(), 0555));
    EXPECT_ERRNO(EACCES, link(file.c_str(), (own.path() + "/new").c_str()));
    EXPECT_ERRNO(EACCES, symlink("target", (own.path() + "/new").c_str()));
    EXPECT_ERRNO(EACCES, unlink(file.c_str()));
    ASSERT_OK(chmod(own.path().c_str(), 0755));
  });
}

class SymlinkTest : public LinkTest {};

TEST_F(SymlinkTest, StoresItsTargetUnchecked) {
  for (const char* target : {"relative", "/absolute/path", "../up//twice/", "no such thing"}) {
    ASSERT_OK(symlink(target, Path("link")));
    EXPECT_EQ(ReadLink(Path("link")), target);
    EXPECT_EQ(LinkStat(Path("link")).st_size, static_cast<off_t>(strlen(target)));
    ASSERT_OK(unlink(Path("link")));
  }
}

TEST_F(SymlinkTest, HoldsTargetsUpTo4095Bytes) {
  const std::string longest(PATH_MAX - 1, 't');
  ASSERT_OK(symlink(longest.c_str(), Path("link")));
  EXPECT_EQ(ReadLink(Path("link")), longest);
  EXPECT_ERRNO(ENAMETOOLONG, symlink((longest + "t").c_str(), Path("longer")));
}

TEST_F(SymlinkTest, ErrorsOfSymlink) {
  EXPECT_ERRNO(EEXIST, symlink("target", Path("file")));
  EXPECT_ERRNO(EEXIST, symlink("target", Path("dir")));
  EXPECT_ERRNO(ENOENT, symlink("target", Path("missing/link")));
  EXPECT_ERRNO(ENOENT, symlink("target", Path("link/")));
  EXPECT_ERRNO(ENOTDIR, symlink("target", Path("file/link")));
  EXPECT_ERRNO(ENAMETOOLONG, symlink("target", Path(std::string(256, 'n'))));
  EXPECT_ERRNO(EFAULT, symlink(BadPointer<const char>(), Path("link")));
  EXPECT_ERRNO(EFAULT, symlink("target", BadPointer<const char>()));
  EXPECT_ERRNO(EBADF, symlinkat("target", -1, "link"));
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ELOOP, symlink("target", Path("loop/link")));
  EXPECT_ERRNO(EEXIST, symlink("target", Path("loop")));
}

TEST_F(SymlinkTest, ReadlinkTruncatesSilentlyAndAddsNoZero) {
  ASSERT_OK(symlink("target", Path("link")));
  char buffer[8] = {'#', '#', '#', '#', '#', '#', '#', '#'};
  EXPECT_EQ(readlink(Path("link"), buffer, 3), 3);
  EXPECT_EQ(std::string(buffer, 8), "tar#####");
  EXPECT_EQ(readlink(Path("link"), buffer, sizeof(buffer)), 6);
  EXPECT_EQ(std::string(buffer, 8), "target##");
}

TEST_F(SymlinkTest, ErrorsOfReadlink) {
  ASSERT_OK(symlink("target", Path("link")));
  char buffer[64];
  EXPECT_ERRNO(EINVAL, readlink(Path("file"), buffer, sizeof(buffer)));
  EXPECT_ERRNO(EINVAL, readlink(Path("dir"), buffer, sizeof(buffer)));
  // Raw, since the compiler would warn about such sizes.
  EXPECT_ERRNO(EINVAL, syscall(SYS_readlink, Path("link").c_str(), buffer, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_readlink, Path("link").c_str(), buffer, -1));
  EXPECT_ERRNO(ENOENT, readlink(Path("missing"), buffer, sizeof(buffer)));
  EXPECT_ERRNO(ENOENT, readlink("", buffer, sizeof(buffer)));
  EXPECT_ERRNO(ENOTDIR, readlink(Path("file/x"), buffer, sizeof(buffer)));
  EXPECT_ERRNO(ENAMETOOLONG, readlink(Path(std::string(256, 'n')), buffer, sizeof(buffer)));
  EXPECT_ERRNO(EFAULT, readlink(BadPointer<const char>(), buffer, sizeof(buffer)));
  EXPECT_ERRNO(EFAULT, readlink(Path("link"), BadPointer<char>(), sizeof(buffer)));
  EXPECT_ERRNO(EBADF, readlinkat(-1, "link", buffer, sizeof(buffer)));
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ELOOP, readlink(Path("loop/x"), buffer, sizeof(buffer)));
  EXPECT_ERRNO(ENOENT, readlink(Path("link/."), buffer, sizeof(buffer)));
}

TEST_F(SymlinkTest, ReadlinkNeedsSearchPermission) {
  ASSERT_OK(symlink("target", Path("dir/link")));
  ASSERT_OK(chmod(Path("dir"), 0600));
  GiveToOrdinaryUser(Path("dir"));
  ExpectPassesAsOrdinaryUser([&] {
    char buffer[64];
    EXPECT_ERRNO(EACCES, readlink(Path("dir/link"), buffer, sizeof(buffer)));
  });
  ASSERT_OK(chmod(Path("dir"), 0755));
}

class UnlinkTest : public LinkTest {};

TEST_F(UnlinkTest, RemovesANameOfAnyKindButADirectory) {
  ASSERT_OK(symlink("file", Path("link")));
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_OK(unlink(Path("link")));
  EXPECT_TRUE(Exists(Path("file")));
  EXPECT_OK(unlink(Path("fifo")));
  EXPECT_OK(unlinkat(AT_FDCWD, Path("file"), 0));
  EXPECT_ERRNO(EISDIR, unlink(Path("dir")));
  EXPECT_ERRNO(ENOENT, unlink(Path("file")));
}

TEST_F(UnlinkTest, NeedsNoPermissionOnTheFileItself) {
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    WriteFile((own.path() + "/file").c_str(), "", 0);
    EXPECT_OK(unlink((own.path() + "/file").c_str()));
  });
}

TEST_F(UnlinkTest, ErrorsOfUnlink) {
  ASSERT_OK(symlink("loop", Path("loop")));
  ASSERT_OK(symlink("dir", Path("dirlink")));
  EXPECT_ERRNO(ENOENT, unlink(Path("missing")));
  EXPECT_ERRNO(ENOENT, unlink(Path("missing/file")));
  EXPECT_ERRNO(ENOTDIR, unlink(Path("file/x")));
  EXPECT_ERRNO(ENOTDIR, unlink(Path("file/")));
  EXPECT_ERRNO(ENOTDIR, unlink(Path("dirlink/")));
  EXPECT_ERRNO(EISDIR, unlink(Path("dir/")));
  EXPECT_ERRNO(EISDIR, unlink(Path("dir/.")));
  EXPECT_ERRNO(EISDIR, unlink("/"));
  EXPECT_ERRNO(ELOOP, unlink(Path("loop/x")));
  EXPECT_ERRNO(ENAMETOOLONG, unlink(Path(std::string(256, 'n'))));
  EXPECT_ERRNO(EFAULT, unlink(BadPointer<const char>()));
  EXPECT_ERRNO(EBADF, unlinkat(-1, "file", 0));
  EXPECT_ERRNO(EINVAL, unlinkat(AT_FDCWD, Path("file"), 0x40000000));
  EXPECT_ERRNO(ENOTDIR, unlinkat(AT_FDCWD, Path("file"), AT_REMOVEDIR));
}

TEST_F(UnlinkTest, OpenFileLivesOn) {
  Fd fd = OpenFile(Path("file"), O_RDWR);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(FdStat(fd.get()).st_nlink, 0u);
  EXPECT_EQ(ReadAll(fd.get()), "content");
  WriteAll(fd.get(), " and more");
  EXPECT_EQ(FdStat(fd.get()).st_size, 16);
  ASSERT_OK(ftruncate(fd.get(), 3));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(ReadAll(fd.get()), "con");
  EXPECT_OK(fchmod(fd.get(), 0600));
}

TEST_F(UnlinkTest, NewFileOfTheSameNameIsAnother) {
  Fd old_file = OpenFile(Path("file"), O_RDONLY);
  ASSERT_OK(unlink(Path("file")));
  WriteFile(Path("file"), "new");
  EXPECT_EQ(ReadAll(old_file.get()), "content");
  EXPECT_EQ(ReadFile(Path("file")), "new");
  EXPECT_NE(FdStat(old_file.get()).st_ino, Stat(Path("file")).st_ino);
}

TEST_F(UnlinkTest, ProcShowsTheNameAsDeletedAndStillOpensTheFile) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_EQ(ReadLink(FdPath(fd.get()).c_str()), Path("file") + " (deleted)");
  EXPECT_EQ(ReadFile(FdPath(fd.get()).c_str()), "content");
}

TEST_F(UnlinkTest, OtherProcessKeepsTheFileOpen) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  Signpost unlinked;
  Child child([&] {
    ASSERT_TRUE(unlinked.Wait());
    EXPECT_EQ(ReadAll(fd.get()), "content");
  });
  fd.Close();
  ASSERT_OK(unlink(Path("file")));
  unlinked.Raise();
  EXPECT_TRUE(child.Passes());
}

TEST_F(UnlinkTest, FileOfTheSystemCanNeitherBeUnlinkedNorReplacedByAnOrdinaryUser) {
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(OneOf(EACCES, EROFS), unlink("/bin/sh"));
    EXPECT_ERRNO(OneOf(EACCES, EROFS), symlink("sh", "/bin/compat-test"));
    EXPECT_ERRNO(OneOf(EACCES, EROFS), mkdir("/bin/compat-test", 0755));
  });
}

// Not provoked: EMLINK (65,000 on ext4, none on tmpfs); EDQUOT, ENOSPC, EIO, ENOMEM; EROFS (needs
// a read-only mount); EPERM of link by protected_hardlinks (a setting of the host) and of unlink
// by the sticky bit (see permission_test.cc); EBUSY of unlink (a file that is a mount point).

}  // namespace
}  // namespace ukrun::compat_tests
