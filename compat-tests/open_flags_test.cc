// The open(2) flags that stay with the descriptor or change what it is: O_APPEND, O_CLOEXEC,
// O_NOFOLLOW, O_DIRECTORY, O_PATH, O_TMPFILE, O_NOATIME, and what F_GETFL says about them.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class OpenFlagsTest : public TempDirTest {};

TEST_F(OpenFlagsTest, AppendWritesAtTheEndWhereverTheOffsetIs) {
  WriteFile(Path("file"), "one ");
  Fd fd = OpenFile(Path("file"), O_RDWR | O_APPEND);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 0);
  EXPECT_EQ(write(fd.get(), "two ", 4), 4);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_CUR), 8);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(write(fd.get(), "three", 5), 5);
  EXPECT_EQ(ReadFile(Path("file")), "one two three");
}

TEST_F(OpenFlagsTest, TwoAppendersNeverOverwriteEachOther) {
  WriteFile(Path("file"), "");
  Fd first = OpenFile(Path("file"), O_WRONLY | O_APPEND);
  Fd second = OpenFile(Path("file"), O_WRONLY | O_APPEND);
  WriteAll(first.get(), "a");
  WriteAll(second.get(), "b");
  WriteAll(first.get(), "c");
  EXPECT_EQ(ReadFile(Path("file")), "abc");
}

TEST_F(OpenFlagsTest, CloseOnExecIsPerDescriptorAndActsAtExec) {
  WriteFile(Path("file"), "");
  Fd closing(open(Path("file"), O_RDONLY | O_CLOEXEC));
  Fd staying(open(Path("file"), O_RDONLY));
  ASSERT_OK(closing.get());
  ASSERT_OK(staying.get());
  EXPECT_EQ(fcntl(closing.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(staying.get(), F_GETFD), 0);
  const int closing_status = RunProgram({"/usr/bin/test", "-e", FdPath(closing.get())});
  EXPECT_TRUE(WIFEXITED(closing_status) && WEXITSTATUS(closing_status) == 1);
  const int staying_status = RunProgram({"/usr/bin/test", "-e", FdPath(staying.get())});
  EXPECT_TRUE(WIFEXITED(staying_status) && WEXITSTATUS(staying_status) == 0);
}

TEST_F(OpenFlagsTest, NoFollowRefusesOnlyAFinalSymlink) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  WriteFile(Path("dir/file"), "content");
  ASSERT_OK(symlink("dir", Path("dirlink")));
  ASSERT_OK(symlink("dir/file", Path("filelink")));
  EXPECT_ERRNO(ELOOP, open(Path("filelink"), O_RDONLY | O_NOFOLLOW));
  EXPECT_ERRNO(ELOOP, open(Path("dirlink"), O_RDONLY | O_NOFOLLOW));
  EXPECT_ERRNO(ENOTDIR, open(Path("dirlink"), O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
  Fd through(open(Path("dirlink/file"), O_RDONLY | O_NOFOLLOW));
  EXPECT_OK(through.get());
  // A trailing slash makes the symlink an intermediate component.
  Fd slash(open(Path("dirlink/"), O_RDONLY | O_NOFOLLOW));
  EXPECT_OK(slash.get());
}

TEST_F(OpenFlagsTest, DirectoryFlagAcceptsDirectoriesAndLinksToThem) {
  ASSERT_OK(symlink(".", Path("link")));
  Fd directory(open(Root(), O_RDONLY | O_DIRECTORY));
  EXPECT_OK(directory.get());
  Fd link(open(Path("link"), O_RDONLY | O_DIRECTORY));
  EXPECT_OK(link.get());
}

TEST_F(OpenFlagsTest, DirectoryFlagDoesNotBlockOnAFifo) {
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_ERRNO(ENOTDIR, open(Path("fifo"), O_RDONLY | O_DIRECTORY));
}

TEST_F(OpenFlagsTest, GetFlagsShowsStatusFlagsButNotCreationFlags) {
  Fd fd(open(
      Path("file"),
      O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_SYNC,
      0600));
  ASSERT_OK(fd.get());
  const int flags = fcntl(fd.get(), F_GETFL);
  EXPECT_EQ(flags & O_ACCMODE, O_RDWR);
  EXPECT_EQ(flags & O_APPEND, O_APPEND);
  EXPECT_EQ(flags & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(flags & O_SYNC, O_SYNC);
  EXPECT_EQ(flags & (O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC), 0);
}

TEST_F(OpenFlagsTest, DataSyncIsLessThanSync) {
  WriteFile(Path("file"), "");
  Fd fd = OpenFile(Path("file"), O_WRONLY | O_DSYNC);
  EXPECT_EQ(fcntl(fd.get(), F_GETFL) & O_SYNC, O_DSYNC);
  EXPECT_EQ(write(fd.get(), "x", 1), 1);
}

TEST_F(OpenFlagsTest, DirectTransfersOfWhatIsNoFileFailWithEinval) {
  EXPECT_ERRNO(EINVAL, open(Root(), O_RDONLY | O_DIRECT));
  EXPECT_ERRNO(EINVAL, open("/dev/null", O_RDWR | O_DIRECT));
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_ERRNO(EINVAL, open(Path("fifo"), O_RDWR | O_DIRECT));
}

TEST_F(OpenFlagsTest, NoAtimeOfSomebodyElsesFileFailsWithEperm) {
  SKIP_UNLESS_ROOT();
  WriteFile(Path("file"), "content", 0666);
  Fd own(open(Path("file"), O_RDONLY | O_NOATIME));
  EXPECT_OK(own.get());
  ExpectPassesAsOrdinaryUser(
      [&] { EXPECT_ERRNO(EPERM, open(Path("file"), O_RDONLY | O_NOATIME)); });
}

class OpenPathTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "content");
    fd_ = Fd(open(Path("file"), O_PATH | O_CLOEXEC));
    ASSERT_OK(fd_.get());
  }

  Fd fd_;
};

TEST_F(OpenPathTest, OperationsOnTheFileItselfFailWithEbadf) {
  char byte = 0;
  EXPECT_ERRNO(EBADF, read(fd_.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, write(fd_.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, pread(fd_.get(), &byte, 1, 0));
  EXPECT_ERRNO(EBADF, lseek(fd_.get(), 0, SEEK_CUR));
  EXPECT_ERRNO(EBADF, fchmod(fd_.get(), 0600));
  EXPECT_ERRNO(EBADF, fchown(fd_.get(), geteuid(), getegid()));
  EXPECT_ERRNO(EBADF, ftruncate(fd_.get(), 0));
  EXPECT_ERRNO(EBADF, fsync(fd_.get()));
  EXPECT_ERRNO(EBADF, flock(fd_.get(), LOCK_SH));
  EXPECT_ERRNO(EBADF, mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd_.get(), 0));
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  EXPECT_ERRNO(EBADF, fcntl(fd_.get(), F_SETLK, &lock));
  EXPECT_ERRNO(EBADF, fcntl(fd_.get(), F_SETFL, O_APPEND));
}

TEST_F(OpenPathTest, OperationsOnTheDescriptorWork) {
  EXPECT_EQ(FdStat(fd_.get()).st_size, 7);
  struct statfs filesystem = {};
  EXPECT_OK(fstatfs(fd_.get(), &filesystem));
  EXPECT_EQ(fcntl(fd_.get(), F_GETFL) & O_PATH, O_PATH);
  EXPECT_EQ(fcntl(fd_.get(), F_GETFD), FD_CLOEXEC);
  Fd copy(dup(fd_.get()));
  EXPECT_OK(copy.get());
}

TEST_F(OpenPathTest, CanBeReopenedThroughProc) {
  Fd reader(open(FdPath(fd_.get()).c_str(), O_RDONLY));
  ASSERT_OK(reader.get());
  EXPECT_EQ(ReadAll(reader.get()), "content");
}

TEST_F(OpenPathTest, NeedsNoPermissionOnTheFile) {
  ASSERT_OK(chmod(Path("file"), 0));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] {
    Fd fd(open(Path("file"), O_PATH));
    EXPECT_OK(fd.get());
    EXPECT_ERRNO(EACCES, open(Path("file"), O_RDONLY));
  });
}

TEST_F(OpenPathTest, IgnoresCreateAndTruncate) {
  EXPECT_ERRNO(ENOENT, open(Path("missing"), O_PATH | O_CREAT, 0600));
  Fd fd(open(Path("file"), O_PATH | O_RDWR | O_TRUNC));
  EXPECT_OK(fd.get());
  EXPECT_EQ(ReadFile(Path("file")), "content");
  EXPECT_EQ(fcntl(fd.get(), F_GETFL) & O_ACCMODE, 0);
}

TEST_F(OpenPathTest, WithNoFollowIsAHandleForTheSymlink) {
  ASSERT_OK(symlink("where/ever", Path("link")));
  Fd link(open(Path("link"), O_PATH | O_NOFOLLOW));
  ASSERT_OK(link.get());
  EXPECT_TRUE(S_ISLNK(FdStat(link.get()).st_mode));
  char target[64];
  ASSERT_EQ(readlinkat(link.get(), "", target, sizeof(target)), 10);
  EXPECT_EQ(std::string(target, 10), "where/ever");
}

TEST_F(OpenPathTest, WithoutNoFollowFollows) {
  ASSERT_OK(symlink("file", Path("link")));
  Fd fd(open(Path("link"), O_PATH));
  ASSERT_OK(fd.get());
  EXPECT_EQ(FdStat(fd.get()).st_ino, Stat(Path("file")).st_ino);
}

TEST_F(OpenPathTest, DirectoryHandleServesAsDirfdAndForFchdir) {
  Fd directory(open(Root(), O_PATH | O_DIRECTORY));
  ASSERT_OK(directory.get());
  Fd file(openat(directory.get(), "file", O_RDONLY));
  EXPECT_OK(file.get());
  ExpectPassesInChild([&] {
    ASSERT_OK(fchdir(directory.get()));
    EXPECT_TRUE(Exists("file"));
  });
}

TEST_F(OpenPathTest, OfAFifoNeverBlocks) {
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  Fd fd(open(Path("fifo"), O_PATH));
  ASSERT_OK(fd.get());
  EXPECT_TRUE(S_ISFIFO(FdStat(fd.get()).st_mode));
}

class OpenTemporaryFileTest : public TempDirTest {};

TEST_F(OpenTemporaryFileTest, HasNoNameAndNoLinks) {
  Fd fd(open(Root(), O_TMPFILE | O_RDWR, 0600));
  ASSERT_OK(fd.get());
  EXPECT_EQ(FdStat(fd.get()).st_nlink, 0u);
  EXPECT_TRUE(S_ISREG(FdStat(fd.get()).st_mode));
  WriteAll(fd.get(), "content");
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(ReadAll(fd.get()), "content");
  // The directory can be removed: nothing is in it.
  ASSERT_OK(mkdir(Path("dir"), 0755));
  Fd inside(open(Path("dir"), O_TMPFILE | O_WRONLY, 0600));
  ASSERT_OK(inside.get());
  EXPECT_OK(rmdir(Path("dir")));
}

TEST_F(OpenTemporaryFileTest, CanBeGivenANameThroughProc) {
  Fd fd(open(Root(), O_TMPFILE | O_RDWR, 0600));
  ASSERT_OK(fd.get());
  WriteAll(fd.get(), "content");
  ASSERT_OK(linkat(AT_FDCWD, FdPath(fd.get()).c_str(), AT_FDCWD, Path("named"), AT_SYMLINK_FOLLOW));
  EXPECT_EQ(FdStat(fd.get()).st_nlink, 1u);
  EXPECT_EQ(ReadFile(Path("named")), "content");
}

TEST_F(OpenTemporaryFileTest, ExclusiveOneCanNeverBeNamed) {
  Fd fd(open(Root(), O_TMPFILE | O_RDWR | O_EXCL, 0600));
  ASSERT_OK(fd.get());
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, FdPath(fd.get()).c_str(), AT_FDCWD, Path("named"),
                              AT_SYMLINK_FOLLOW));
}

TEST_F(OpenTemporaryFileTest, UnlinkedFileCannotBeNamedAgain) {
  WriteFile(Path("file"), "");
  Fd fd = OpenFile(Path("file"), O_RDWR);
  ASSERT_OK(unlink(Path("file")));
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, FdPath(fd.get()).c_str(), AT_FDCWD, Path("named"),
                              AT_SYMLINK_FOLLOW));
}

TEST_F(OpenTemporaryFileTest, NeedsWriteAccessAndADirectory) {
  WriteFile(Path("file"), "");
  EXPECT_ERRNO(EINVAL, open(Root(), O_TMPFILE | O_RDONLY, 0600));
  EXPECT_ERRNO(ENOTDIR, open(Path("file"), O_TMPFILE | O_RDWR, 0600));
  EXPECT_ERRNO(ENOENT, open(Path("missing"), O_TMPFILE | O_RDWR, 0600));
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    ASSERT_OK(chmod(own.path().c_str(), 0555));
    EXPECT_ERRNO(EACCES, open(own.path().c_str(), O_TMPFILE | O_RDWR, 0600));
  });
}

// Not provoked: ELOOP for O_NOFOLLOW with a magic link (see path_resolution_test.cc); EOPNOTSUPP
// for O_TMPFILE (needs a file system without it).

}  // namespace
}  // namespace ukrun::compat_tests
