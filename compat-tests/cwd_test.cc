// The working directory and the root directory: chdir(2), fchdir(2), getcwd(2), chroot(2).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

std::string WorkingDirectory() {
  char path[PATH_MAX];
  EXPECT_NE(getcwd(path, sizeof(path)), nullptr) << ErrnoName(errno);
  return path;
}

class CwdTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "content");
    ASSERT_OK(mkdir(Path("dir"), 0755));
    ASSERT_OK(mkdir(Path("dir/sub"), 0755));
    ASSERT_OK(chdir(Root()));
  }

 private:
  SavedWorkingDirectory saved_;
};

TEST_F(CwdTest, RelativePathsStartThere) {
  EXPECT_EQ(WorkingDirectory(), Root());
  EXPECT_EQ(ReadFile("file"), "content");
  ASSERT_OK(chdir("dir"));
  EXPECT_EQ(WorkingDirectory(), Path("dir"));
  EXPECT_EQ(ReadFile("../file"), "content");
  ASSERT_OK(chdir(".."));
  EXPECT_EQ(WorkingDirectory(), Root());
}

TEST_F(CwdTest, PathIsTheCanonicalOne) {
  ASSERT_OK(symlink("dir/sub", "link"));
  ASSERT_OK(chdir("./link/../sub//."));
  EXPECT_EQ(WorkingDirectory(), Path("dir/sub"));
  ASSERT_OK(chdir("/"));
  EXPECT_EQ(WorkingDirectory(), "/");
}

TEST_F(CwdTest, FchdirGoesToADescriptor) {
  Fd directory = OpenFile("dir", O_RDONLY | O_DIRECTORY);
  ASSERT_OK(fchdir(directory.get()));
  EXPECT_EQ(WorkingDirectory(), Path("dir"));
  Fd handle = OpenFile("sub", O_PATH);
  ASSERT_OK(fchdir(handle.get()));
  EXPECT_EQ(WorkingDirectory(), Path("dir/sub"));
}

TEST_F(CwdTest, FollowsRenamesOfAnyParent) {
  ASSERT_OK(chdir("dir/sub"));
  ASSERT_OK(rename(Path("dir"), Path("moved")));
  EXPECT_EQ(WorkingDirectory(), Path("moved/sub"));
  EXPECT_EQ(ReadFile("../../file"), "content");
}

TEST_F(CwdTest, RemovedDirectoryHasNoPathButCanBeLeft) {
  ASSERT_OK(chdir("dir/sub"));
  ASSERT_OK(rmdir(Path("dir/sub")));
  char path[PATH_MAX];
  EXPECT_ERRNO(ENOENT, getcwd(path, sizeof(path)));
  EXPECT_EQ(ReadLink("/proc/self/cwd"), Path("dir/sub") + " (deleted)");
  struct stat status = {};
  EXPECT_OK(stat(".", &status));
  EXPECT_EQ(status.st_nlink, 0u);
  EXPECT_ERRNO(ENOENT, open("new", O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(ENOENT, mkdir("new", 0755));
  EXPECT_OK(chdir(".."));
  EXPECT_EQ(WorkingDirectory(), Path("dir"));
}

TEST_F(CwdTest, NewDirectoryOfTheSameNameIsAnother) {
  ASSERT_OK(chdir("dir/sub"));
  ASSERT_OK(rmdir(Path("dir/sub")));
  ASSERT_OK(mkdir(Path("dir/sub"), 0755));
  WriteFile(Path("dir/sub/new"), "");
  EXPECT_FALSE(Exists("new"));
  char path[PATH_MAX];
  EXPECT_ERRNO(ENOENT, getcwd(path, sizeof(path)));
}

TEST_F(CwdTest, IsInheritedByForkButNotShared) {
  ExpectPassesInChild([&] {
    EXPECT_EQ(WorkingDirectory(), Root());
    ASSERT_OK(chdir("dir"));
  });
  EXPECT_EQ(WorkingDirectory(), Root());
}

TEST_F(CwdTest, IsSharedByThreads) {
  std::thread([] { EXPECT_OK(chdir("dir")); }).join();
  EXPECT_EQ(WorkingDirectory(), Path("dir"));
}

TEST_F(CwdTest, SurvivesExec) {
  ASSERT_OK(chdir("dir"));
  const int status =
      RunProgram({"/bin/sh", "-c", "test \"$(/bin/pwd -P)\" = \"$0\" && exit 7", Path("dir")});
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST_F(CwdTest, RawGetcwdReturnsTheLengthWithItsZero) {
  char path[PATH_MAX];
  EXPECT_EQ(syscall(SYS_getcwd, path, sizeof(path)), static_cast<long>(Root().size() + 1));
  EXPECT_EQ(syscall(SYS_getcwd, path, Root().size() + 1), static_cast<long>(Root().size() + 1));
  EXPECT_ERRNO(ERANGE, syscall(SYS_getcwd, path, Root().size()));
  EXPECT_ERRNO(ERANGE, syscall(SYS_getcwd, path, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getcwd, 1, sizeof(path)));
}

TEST_F(CwdTest, DeepDirectoryHasNoPathThatFits) {
  const std::string name(250, 'd');
  for (int depth = 0; depth < 17; ++depth) {
    ASSERT_OK(mkdir(name.c_str(), 0755));
    ASSERT_OK(chdir(name.c_str()));
  }
  char path[2 * PATH_MAX];
  EXPECT_ERRNO(ENAMETOOLONG, syscall(SYS_getcwd, path, sizeof(path)));
  WriteFile("bottom", "reached");
  EXPECT_EQ(ReadFile("./bottom"), "reached");
}

TEST_F(CwdTest, NeedsSearchPermission) {
  ASSERT_OK(chmod("dir", 0600));
  GiveToOrdinaryUser("dir");
  Fd directory(open("dir", O_PATH | O_CLOEXEC));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EACCES, chdir("dir"));
    EXPECT_ERRNO(EACCES, chdir("dir/sub"));
    EXPECT_ERRNO(EACCES, fchdir(directory.get()));
  });
  ASSERT_OK(chmod("dir", 0755));
}

TEST_F(CwdTest, ErrorsOfChdir) {
  ASSERT_OK(symlink("loop", "loop"));
  EXPECT_ERRNO(ENOENT, chdir("missing"));
  EXPECT_ERRNO(ENOENT, chdir(""));
  EXPECT_ERRNO(ENOTDIR, chdir("file"));
  EXPECT_ERRNO(ENOTDIR, chdir("file/x"));
  EXPECT_ERRNO(ELOOP, chdir("loop"));
  EXPECT_ERRNO(ENAMETOOLONG, chdir(std::string(256, 'n').c_str()));
  EXPECT_ERRNO(EFAULT, chdir(BadPointer<const char>()));
  EXPECT_ERRNO(EBADF, fchdir(-1));
  Fd file = OpenFile("file", O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, fchdir(file.get()));
  EXPECT_EQ(WorkingDirectory(), Root());
}

class ChrootTest : public CwdTest {};

TEST_F(ChrootTest, BecomesTheStartOfAbsolutePathsAndTheEndOfDotDot) {
  SKIP_UNLESS_ROOT();
  WriteFile("dir/inside", "inside");
  ASSERT_OK(symlink("/inside", "dir/absolute"));
  ExpectPassesInChild([&] {
    ASSERT_OK(chroot("dir"));
    ASSERT_OK(chdir("/"));
    EXPECT_EQ(ReadFile("/inside"), "inside");
    EXPECT_EQ(ReadFile("/absolute"), "inside");
    EXPECT_EQ(ReadFile("/../../inside"), "inside");
    EXPECT_EQ(WorkingDirectory(), "/");
    EXPECT_FALSE(Exists("/file"));
    EXPECT_FALSE(Exists("/proc"));
    ASSERT_OK(chdir("/sub"));
    EXPECT_EQ(WorkingDirectory(), "/sub");
  });
  EXPECT_TRUE(Exists("/proc"));
}

TEST_F(ChrootTest, LeavesTheWorkingDirectoryWhichMayLieOutside) {
  SKIP_UNLESS_ROOT();
  ExpectPassesInChild([&] {
    ASSERT_OK(chroot("dir"));
    EXPECT_EQ(ReadFile("file"), "content");
    char path[PATH_MAX];
    // The kernel says "(unreachable)/...", which glibc turns into ENOENT.
    EXPECT_GT(syscall(SYS_getcwd, path, sizeof(path)), 0);
    EXPECT_EQ(std::string(path).rfind("(unreachable)/", 0), 0u) << path;
    EXPECT_ERRNO(ENOENT, getcwd(path, sizeof(path)));
  });
}

TEST_F(ChrootTest, OpenDescriptorsStillReachOutside) {
  SKIP_UNLESS_ROOT();
  Fd outside = OpenFile(Root(), O_RDONLY | O_DIRECTORY);
  ExpectPassesInChild([&] {
    ASSERT_OK(chroot("dir"));
    Fd file(openat(outside.get(), "file", O_RDONLY));
    EXPECT_OK(file.get());
  });
}

TEST_F(ChrootTest, ErrorsOfChroot) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(symlink("loop", "loop"));
  ExpectPassesInChild([&] {
    EXPECT_ERRNO(ENOENT, chroot("missing"));
    EXPECT_ERRNO(ENOTDIR, chroot("file"));
    EXPECT_ERRNO(ELOOP, chroot("loop"));
    EXPECT_ERRNO(ENAMETOOLONG, chroot(std::string(256, 'n').c_str()));
    EXPECT_ERRNO(EFAULT, chroot(BadPointer<const char>()));
  });
}

TEST_F(ChrootTest, IsNotForOrdinaryUsers) {
  ASSERT_OK(chmod("dir", 0755));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_ERRNO(EPERM, chroot("dir")); });
}

// Not provoked: EIO, ENOMEM; EACCES and EINVAL of getcwd, which come from glibc or from long ago.

}  // namespace
}  // namespace ukrun::compat_tests
