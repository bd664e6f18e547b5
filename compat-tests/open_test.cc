// open(2), openat(2) and creat(2): creating, truncating and refusing. The flags that give a
// descriptor special properties are in open_flags_test.cc, openat2(2) is in openat2_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class OpenTest : public TempDirTest {};

TEST_F(OpenTest, MissingFileWithoutCreateFailsWithEnoent) {
  EXPECT_ERRNO(ENOENT, open(Path("missing"), O_RDONLY));
  EXPECT_ERRNO(ENOENT, open(Path("missing"), O_RDWR | O_TRUNC));
  EXPECT_FALSE(Exists(Path("missing")));
}

TEST_F(OpenTest, CreateMakesAnEmptyRegularFileWithTheRequestedMode) {
  ScopedUmask umask(0);
  Fd fd(open(Path("new"), O_WRONLY | O_CREAT, 0640));
  ASSERT_OK(fd.get());
  const struct stat status = FdStat(fd.get());
  EXPECT_TRUE(S_ISREG(status.st_mode));
  EXPECT_EQ(PermissionBits(status), 0640u);
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(status.st_nlink, 1u);
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(status.st_gid, getegid());
}

TEST_F(OpenTest, UmaskRemovesBitsFromTheModeOfANewFile) {
  ScopedUmask umask(027);
  Fd fd(open(Path("new"), O_WRONLY | O_CREAT, 0777));
  ASSERT_OK(fd.get());
  EXPECT_EQ(PermissionBits(FdStat(fd.get())), 0750u);
}

TEST_F(OpenTest, CreateKeepsSetuidAndStickyOfTheMode) {
  ScopedUmask umask(0);
  Fd fd(open(Path("new"), O_WRONLY | O_CREAT, 05755));
  ASSERT_OK(fd.get());
  EXPECT_EQ(PermissionBits(FdStat(fd.get())), 05755u);
}

TEST_F(OpenTest, CreateOfExistingFileKeepsContentAndMode) {
  WriteFile(Path("old"), "content", 0604);
  Fd fd(open(Path("old"), O_RDWR | O_CREAT, 0777));
  ASSERT_OK(fd.get());
  EXPECT_EQ(PermissionBits(FdStat(fd.get())), 0604u);
  EXPECT_EQ(ReadAll(fd.get()), "content");
}

TEST_F(OpenTest, DescriptorOfANewFileCanWriteWhateverTheModeSays) {
  ExpectPassesAsOrdinaryUser([&] {
    TempDir own;
    const std::string path = own.path() + "/new";
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0));
    ASSERT_OK(fd.get());
    EXPECT_EQ(write(fd.get(), "abc", 3), 3);
    EXPECT_ERRNO(EACCES, open(path.c_str(), O_RDONLY));
  });
}

TEST_F(OpenTest, CreatOpensForWritingAndTruncates) {
  WriteFile(Path("file"), "content");
  Fd fd(creat(Path("file"), 0600));
  ASSERT_OK(fd.get());
  EXPECT_EQ(fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_WRONLY);
  EXPECT_EQ(FdStat(fd.get()).st_size, 0);
}

TEST_F(OpenTest, ExclusiveCreateOfExistingFileFailsWithEexist) {
  WriteFile(Path("old"), "content");
  EXPECT_ERRNO(EEXIST, open(Path("old"), O_RDWR | O_CREAT | O_EXCL, 0600));
  EXPECT_ERRNO(EEXIST, open(Path("old"), O_RDWR | O_CREAT | O_EXCL | O_TRUNC, 0600));
  EXPECT_EQ(ReadFile(Path("old")), "content");
}

TEST_F(OpenTest, ExclusiveCreateOfDirectoryFailsWithEexist) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  EXPECT_ERRNO(EEXIST, open(Path("dir"), O_RDONLY | O_CREAT | O_EXCL, 0600));
}

TEST_F(OpenTest, ExclusiveCreateOfDanglingSymlinkFailsWithEexist) {
  ASSERT_OK(symlink("target", Path("link")));
  EXPECT_ERRNO(EEXIST, open(Path("link"), O_RDWR | O_CREAT | O_EXCL, 0600));
  EXPECT_FALSE(Exists(Path("target")));
}

TEST_F(OpenTest, CreateThroughDanglingSymlinkMakesItsTarget) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(symlink("dir/target", Path("link")));
  Fd fd(open(Path("link"), O_RDWR | O_CREAT, 0600));
  ASSERT_OK(fd.get());
  EXPECT_TRUE(S_ISREG(LinkStat(Path("dir/target")).st_mode));
  EXPECT_TRUE(S_ISLNK(LinkStat(Path("link")).st_mode));
}

TEST_F(OpenTest, TruncateEmptiesTheFileAndMovesItsTimes) {
  WriteFile(Path("file"), "content");
  const timespec old_times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_OK(utimensat(AT_FDCWD, Path("file"), old_times, 0));
  Fd fd(open(Path("file"), O_WRONLY | O_TRUNC));
  ASSERT_OK(fd.get());
  EXPECT_EQ(FdStat(fd.get()).st_size, 0);
  EXPECT_GT(FdStat(fd.get()).st_mtime, 1'000'000);
}

TEST_F(OpenTest, TruncateWorksEvenWhenOnlyOpenedForReading) {
  WriteFile(Path("file"), "content");
  Fd fd(open(Path("file"), O_RDONLY | O_TRUNC));
  ASSERT_OK(fd.get());
  EXPECT_EQ(FdStat(fd.get()).st_size, 0);
}

TEST_F(OpenTest, TruncateForReadingStillNeedsWritePermission) {
  WriteFile(Path("file"), "content", 0444);
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_ERRNO(EACCES, open(Path("file"), O_RDONLY | O_TRUNC)); });
  EXPECT_EQ(Stat(Path("file")).st_size, 7);
}

TEST_F(OpenTest, ReturnsTheLowestFreeDescriptor) {
  WriteFile(Path("file"), "");
  Fd first = OpenFile(Path("file"), O_RDONLY);
  Fd second = OpenFile(Path("file"), O_RDONLY);
  Fd third = OpenFile(Path("file"), O_RDONLY);
  const int freed = second.get();
  ASSERT_LT(first.get(), second.get());
  ASSERT_LT(second.get(), third.get());
  second.Close();
  Fd again = OpenFile(Path("file"), O_RDONLY);
  EXPECT_EQ(again.get(), freed);
}

TEST_F(OpenTest, EachOpenHasItsOwnOffset) {
  WriteFile(Path("file"), "content");
  Fd first = OpenFile(Path("file"), O_RDONLY);
  Fd second = OpenFile(Path("file"), O_RDONLY);
  char byte = 0;
  EXPECT_EQ(read(first.get(), &byte, 1), 1);
  EXPECT_EQ(lseek(first.get(), 0, SEEK_CUR), 1);
  EXPECT_EQ(lseek(second.get(), 0, SEEK_CUR), 0);
}

TEST_F(OpenTest, DirectoryOpensForReadingOnly) {
  Fd fd(open(Root(), O_RDONLY));
  EXPECT_OK(fd.get());
  EXPECT_ERRNO(EISDIR, open(Root(), O_WRONLY));
  EXPECT_ERRNO(EISDIR, open(Root(), O_RDWR));
  EXPECT_ERRNO(EISDIR, open(Root(), O_RDONLY | O_CREAT, 0600));
  EXPECT_ERRNO(EISDIR, open(Root(), O_RDONLY | O_TRUNC));
}

TEST_F(OpenTest, CreateWithTrailingSlashFailsWithEisdir) {
  EXPECT_ERRNO(EISDIR, open(Path("new/"), O_WRONLY | O_CREAT, 0600));
  EXPECT_FALSE(Exists(Path("new")));
}

TEST_F(OpenTest, CreateInMissingDirectoryFailsWithEnoent) {
  EXPECT_ERRNO(ENOENT, open(Path("missing/new"), O_WRONLY | O_CREAT, 0600));
}

TEST_F(OpenTest, RegularFileAsDirectoryFailsWithEnotdir) {
  WriteFile(Path("file"), "");
  EXPECT_ERRNO(ENOTDIR, open(Path("file/child"), O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open(Path("file/child"), O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(ENOTDIR, open(Path("file/"), O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open(Path("file"), O_RDONLY | O_DIRECTORY));
}

TEST_F(OpenTest, CreateWithDirectoryFlagNeverMakesAFile) {
  // Linux before 6.4 made the file and then said ENOTDIR; programs see an error either way.
  EXPECT_ERRNO(OneOf(EINVAL, ENOTDIR), open(Path("new"), O_RDONLY | O_CREAT | O_DIRECTORY, 0600));
}

TEST_F(OpenTest, EmptyPathFailsWithEnoent) {
  EXPECT_ERRNO(ENOENT, open("", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("", O_WRONLY | O_CREAT, 0600));
}

TEST_F(OpenTest, BadPathPointerFailsWithEfault) {
  EXPECT_ERRNO(EFAULT, open(BadPointer<const char>(), O_RDONLY));
  const char* volatile null = nullptr;  // nor may the compiler know this one
  EXPECT_ERRNO(EFAULT, open(null, O_RDONLY));
}

TEST_F(OpenTest, TooLongNameFailsWithEnametoolong) {
  EXPECT_ERRNO(ENAMETOOLONG, open(Path(std::string(256, 'n')), O_WRONLY | O_CREAT, 0600));
  Fd fd(open(Path(std::string(255, 'n')), O_WRONLY | O_CREAT, 0600));
  EXPECT_OK(fd.get());
}

TEST_F(OpenTest, SymlinkLoopFailsWithEloop) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ELOOP, open(Path("loop"), O_RDONLY));
  EXPECT_ERRNO(ELOOP, open(Path("loop"), O_WRONLY | O_CREAT, 0600));
}

TEST_F(OpenTest, DescriptorLimitFailsWithEmfile) {
  WriteFile(Path("file"), "");
  Fd highest = OpenFile(Path("file"), O_RDONLY);
  ScopedSoftLimit limit(RLIMIT_NOFILE, static_cast<rlim_t>(highest.get()));
  EXPECT_ERRNO(EMFILE, open(Path("file"), O_RDONLY));
  EXPECT_ERRNO(EMFILE, open(Path("new"), O_WRONLY | O_CREAT, 0600));
  EXPECT_FALSE(Exists(Path("new")));
}

TEST_F(OpenTest, MissingPermissionFailsWithEacces) {
  WriteFile(Path("unreadable"), "", 0200);
  WriteFile(Path("readonly"), "", 0400);
  ASSERT_OK(mkdir(Path("closed"), 0700));
  WriteFile(Path("closed/file"), "", 0666);
  ASSERT_OK(chmod(Path("closed"), 0600));
  ASSERT_OK(mkdir(Path("frozen"), 0755));
  ASSERT_OK(chmod(Path("frozen"), 0555));
  for (const char* name : {"unreadable", "readonly", "closed", "frozen"}) {
    GiveToOrdinaryUser(Path(name));
  }
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EACCES, open(Path("unreadable"), O_RDONLY));
    EXPECT_ERRNO(EACCES, open(Path("unreadable"), O_RDWR));
    EXPECT_ERRNO(EACCES, open(Path("readonly"), O_WRONLY));
    EXPECT_ERRNO(EACCES, open(Path("closed/file"), O_RDONLY));
    EXPECT_ERRNO(EACCES, open(Path("closed/missing"), O_RDONLY));
    EXPECT_ERRNO(EACCES, open(Path("frozen/new"), O_WRONLY | O_CREAT, 0600));
    EXPECT_ERRNO(ENOENT, open(Path("frozen/new"), O_RDONLY));
    Fd fd(open(Path("unreadable"), O_WRONLY));
    EXPECT_OK(fd.get());
  });
  ASSERT_OK(chmod(Path("closed"), 0700));
  ASSERT_OK(chmod(Path("frozen"), 0755));
}

TEST_F(OpenTest, RootOpensWhatTheModeForbids) {
  SKIP_UNLESS_ROOT();
  WriteFile(Path("file"), "content", 0);
  Fd fd(open(Path("file"), O_RDWR));
  EXPECT_OK(fd.get());
}

TEST_F(OpenTest, PermissionIsCheckedAtOpenOnly) {
  WriteFile(Path("file"), "content");
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] {
    Fd fd = OpenFile(Path("file"), O_RDWR);
    ASSERT_OK(fchmod(fd.get(), 0));
    EXPECT_EQ(ReadAll(fd.get()), "content");
    EXPECT_EQ(write(fd.get(), "x", 1), 1);
  });
}

TEST_F(OpenTest, AccessModeThreeNeedsBothPermissionsAndAllowsNeither) {
  WriteFile(Path("file"), "content", 0666);
  Fd fd(open(Path("file"), O_ACCMODE));
  ASSERT_OK(fd.get());
  char byte = 0;
  EXPECT_ERRNO(EBADF, read(fd.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, write(fd.get(), &byte, 1));
  EXPECT_OK(fchmod(fd.get(), 0444));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_ERRNO(EACCES, open(Path("file"), O_ACCMODE)); });
}

TEST_F(OpenTest, UnknownFlagsAreIgnored) {
  WriteFile(Path("file"), "content");
  Fd fd(open(Path("file"), O_RDONLY | (1 << 30)));
  EXPECT_OK(fd.get());
}

TEST_F(OpenTest, WritingToARunningProgramFailsWithEtxtbsy) {
  const std::string cat = ReadFile("/bin/cat");
  WriteFile(Path("program"), cat, 0755);
  int to_child[2];
  int from_child[2];
  ASSERT_OK(pipe2(to_child, O_CLOEXEC));
  ASSERT_OK(pipe2(from_child, O_CLOEXEC));
  Child child([&] {
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    execl(Path("program"), "program", nullptr);
    _exit(127);
  });
  Fd input(to_child[1]);
  Fd output(from_child[0]);
  close(to_child[0]);
  close(from_child[1]);
  // The echo shows that the child has got past its execve.
  char byte = 0;
  ASSERT_EQ(write(input.get(), "x", 1), 1);
  ASSERT_TRUE(PollFor(output.get(), POLLIN));
  ASSERT_EQ(read(output.get(), &byte, 1), 1);
  EXPECT_ERRNO(ETXTBSY, open(Path("program"), O_WRONLY));
  EXPECT_ERRNO(ETXTBSY, open(Path("program"), O_RDWR | O_TRUNC));
  Fd reader(open(Path("program"), O_RDONLY));
  EXPECT_OK(reader.get());
  input.Close();
  EXPECT_TRUE(child.Passes());
  Fd writer(open(Path("program"), O_WRONLY));
  EXPECT_OK(writer.get());
}

TEST_F(OpenTest, FifoForNonblockingWriteWithoutReaderFailsWithEnxio) {
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  EXPECT_ERRNO(ENXIO, open(Path("fifo"), O_WRONLY | O_NONBLOCK));
  Fd reader(open(Path("fifo"), O_RDONLY | O_NONBLOCK));
  EXPECT_OK(reader.get());
  Fd writer(open(Path("fifo"), O_WRONLY | O_NONBLOCK));
  EXPECT_OK(writer.get());
}

TEST_F(OpenTest, FifoOpenMeetsItsOtherEnd) {
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  Child child([&] {
    Fd writer(open(Path("fifo"), O_WRONLY));
    ASSERT_OK(writer.get());
    EXPECT_EQ(write(writer.get(), "hello", 5), 5);
  });
  EXPECT_EQ(ReadFile(Path("fifo")), "hello");
  EXPECT_TRUE(child.Passes());
}

TEST_F(OpenTest, FifoOpenInterruptedByASignalFailsWithEintr) {
  ASSERT_OK(mkfifo(Path("fifo"), 0600));
  InterruptingTimer timer;
  EXPECT_ERRNO(EINTR, open(Path("fifo"), O_RDONLY));
  EXPECT_ERRNO(EINTR, open(Path("fifo"), O_WRONLY));
}

TEST_F(OpenTest, SocketFileFailsWithEnxio) {
  Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_OK(listener.get());
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = Path("socket");
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_OK(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)));
  EXPECT_ERRNO(ENXIO, open(path.c_str(), O_RDONLY));
  EXPECT_ERRNO(ENXIO, open(path.c_str(), O_RDWR | O_NONBLOCK));
  Fd handle(open(path.c_str(), O_PATH));
  EXPECT_OK(handle.get());
}

TEST_F(OpenTest, RelativePathAtBadDescriptorFailsWithEbadf) {
  EXPECT_ERRNO(EBADF, openat(-1, "name", O_RDONLY));
  EXPECT_ERRNO(EBADF, openat(1'000'000, "name", O_WRONLY | O_CREAT, 0600));
}

// Errnos of open(2) that are not provoked here: EBUSY (O_EXCL of a mounted block device), EDQUOT
// and ENOSPC (need a full file system), EFBIG and EOVERFLOW (only in 32-bit programs), ENFILE and
// ENOMEM (need the whole machine exhausted), ENODEV (a device file without a driver needs mknod of
// devices), EROFS (needs a read-only mount), EWOULDBLOCK (a lease held by another process),
// EPERM by O_NOATIME is in open_flags_test.cc, EPERM by a seal in memfd_test.cc.

}  // namespace
}  // namespace ukrun::compat_tests
