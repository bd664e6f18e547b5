// How a path becomes a file: dots, slashes, symbolic links, length limits, search permission, and
// the directory descriptors of the *at calls. See path_resolution(7).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

bool SameFile(const char* a, const char* b) {
  const struct stat first = Stat(a);
  const struct stat second = Stat(b);
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// `path` padded with "./" in front to exactly `length` characters: needs an even difference or
// takes one doubled slash.
std::string PaddedTo(size_t length, const std::string& directory, const std::string& name) {
  std::string padded = directory + "/";
  while (padded.size() + name.size() + 2 <= length) {
    padded += "./";
  }
  if (padded.size() + name.size() < length) {
    padded += "/";
  }
  return padded + name;
}

class PathResolutionTest : public TempDirTest {
 protected:
  void SetUp() override {
    ASSERT_OK(mkdir(Path("dir"), 0755));
    ASSERT_OK(mkdir(Path("dir/sub"), 0755));
    WriteFile(Path("file"), "top");
    WriteFile(Path("dir/file"), "in dir");
  }
};

TEST_F(PathResolutionTest, DotIsTheDirectoryItself) {
  EXPECT_TRUE(SameFile(Path("dir/."), Path("dir")));
  EXPECT_TRUE(SameFile(Path("./dir/././sub/."), Path("dir/sub")));
}

TEST_F(PathResolutionTest, DotDotIsTheParent) {
  EXPECT_TRUE(SameFile(Path("dir/sub/.."), Path("dir")));
  EXPECT_TRUE(SameFile(Path("dir/sub/../../file"), Path("file")));
}

TEST_F(PathResolutionTest, DotDotOfTheRootIsTheRoot) {
  EXPECT_TRUE(SameFile("/..", "/"));
  EXPECT_TRUE(SameFile("/../../.", "/"));
}

TEST_F(PathResolutionTest, NamesWithMoreDotsAreOrdinary) {
  EXPECT_ERRNO(ENOENT, open(Path("..."), O_RDONLY));
  WriteFile(Path("..."), "three");
  EXPECT_EQ(ReadFile(Path("...")), "three");
  EXPECT_EQ(ReadFile(Path("dir/../...")), "three");
}

TEST_F(PathResolutionTest, RepeatedSlashesCountAsOne) {
  EXPECT_TRUE(SameFile(Path("//dir////sub//"), Path("dir/sub")));
  EXPECT_TRUE(SameFile(("//" + Root()).c_str(), Root()));
}

TEST_F(PathResolutionTest, DotAndDotDotOfAFileFailWithEnotdir) {
  struct stat status;
  EXPECT_ERRNO(ENOTDIR, stat(Path("file/."), &status));
  EXPECT_ERRNO(ENOTDIR, stat(Path("file/.."), &status));
  EXPECT_ERRNO(ENOTDIR, stat(Path("file/../file"), &status));
  EXPECT_ERRNO(ENOTDIR, stat(Path("file/"), &status));
}

TEST_F(PathResolutionTest, DotDotOfAMissingDirectoryFailsWithEnoent) {
  struct stat status;
  EXPECT_ERRNO(ENOENT, stat(Path("missing/.."), &status));
  EXPECT_ERRNO(ENOENT, stat(Path("missing/../file"), &status));
}

TEST_F(PathResolutionTest, TrailingSlashFollowsASymlinkToADirectory) {
  ASSERT_OK(symlink("dir", Path("link")));
  EXPECT_TRUE(S_ISLNK(LinkStat(Path("link")).st_mode));
  EXPECT_TRUE(S_ISDIR(LinkStat(Path("link/")).st_mode));
  EXPECT_TRUE(S_ISDIR(LinkStat(Path("link/.")).st_mode));
  ASSERT_OK(symlink("file", Path("filelink")));
  struct stat status;
  EXPECT_ERRNO(ENOTDIR, lstat(Path("filelink/"), &status));
}

TEST_F(PathResolutionTest, EmptyPathFailsWithEnoent) {
  struct stat status;
  EXPECT_ERRNO(ENOENT, stat("", &status));
  EXPECT_ERRNO(ENOENT, mkdir("", 0755));
  EXPECT_ERRNO(ENOENT, unlink(""));
  EXPECT_ERRNO(ENOENT, chdir(""));
  EXPECT_ERRNO(ENOENT, symlink("target", ""));
}

TEST_F(PathResolutionTest, SymlinkWithEmptyTargetCannotBeMade) {
  EXPECT_ERRNO(ENOENT, symlink("", Path("link")));
}

TEST_F(PathResolutionTest, NameOf255BytesWorksAnd256FailsWithEnametoolong) {
  const std::string longest(255, 'n');
  WriteFile(Path(longest), "long");
  EXPECT_EQ(ReadFile(Path(longest)), "long");
  struct stat status;
  EXPECT_ERRNO(ENAMETOOLONG, stat(Path(longest + "n"), &status));
  EXPECT_ERRNO(ENAMETOOLONG, stat(Path(longest + "n/file"), &status));
  EXPECT_ERRNO(ENAMETOOLONG, mkdir(Path(longest + "n"), 0755));
}

TEST_F(PathResolutionTest, TheLimitIsOnBytesAndAnyByteButSlashIsAllowed) {
  std::string name;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      name += static_cast<char>(byte);
    }
  }
  ASSERT_EQ(name.size(), 254u);
  WriteFile(Path(name), "bytes");
  EXPECT_EQ(ReadFile(Path(name)), "bytes");
}

TEST_F(PathResolutionTest, PathOf4095BytesWorksAnd4096FailsWithEnametoolong) {
  const std::string longest = PaddedTo(PATH_MAX - 1, Root(), "file");
  ASSERT_EQ(longest.size(), size_t{PATH_MAX - 1});
  EXPECT_EQ(ReadFile(longest.c_str()), "top");
  const std::string too_long = PaddedTo(PATH_MAX, Root(), "file");
  ASSERT_EQ(too_long.size(), size_t{PATH_MAX});
  EXPECT_ERRNO(ENAMETOOLONG, open(too_long.c_str(), O_RDONLY));
}

TEST_F(PathResolutionTest, DirectoriesMayNestDeeperThanAnyPathCanSay) {
  const std::string name(200, 'd');
  Fd directory = OpenFile(Path("dir"), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 30; ++depth) {
    ASSERT_OK(mkdirat(directory.get(), name.c_str(), 0755));
    Fd next(openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_OK(next.get());
    directory = std::move(next);
  }
  Fd file(openat(directory.get(), "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  EXPECT_OK(file.get());
}

TEST_F(PathResolutionTest, RelativeTargetIsResolvedFromTheDirectoryOfTheLink) {
  ASSERT_OK(symlink("file", Path("dir/link")));
  EXPECT_EQ(ReadFile(Path("dir/link")), "in dir");
  ASSERT_OK(symlink("../file", Path("dir/up")));
  EXPECT_EQ(ReadFile(Path("dir/up")), "top");
}

TEST_F(PathResolutionTest, AbsoluteTargetStartsAtTheRoot) {
  ASSERT_OK(symlink(Path("file"), Path("dir/link")));
  EXPECT_EQ(ReadFile(Path("dir/link")), "top");
}

TEST_F(PathResolutionTest, SymlinksAreFollowedInTheMiddleOfAPath) {
  ASSERT_OK(symlink("dir", Path("one")));
  ASSERT_OK(symlink("one", Path("two")));
  EXPECT_EQ(ReadFile(Path("two/file")), "in dir");
  EXPECT_EQ(ReadFile(Path("two/sub/../file")), "in dir");
}

TEST_F(PathResolutionTest, DotDotAfterASymlinkIsTheParentOfItsTarget) {
  ASSERT_OK(symlink("dir/sub", Path("link")));
  EXPECT_EQ(ReadFile(Path("link/../file")), "in dir");
}

TEST_F(PathResolutionTest, TargetsMayEndInSlashesAndDots) {
  ASSERT_OK(symlink("dir/", Path("slash")));
  ASSERT_OK(symlink("dir/sub/..", Path("dots")));
  EXPECT_EQ(ReadFile(Path("slash/file")), "in dir");
  EXPECT_EQ(ReadFile(Path("dots/file")), "in dir");
  ASSERT_OK(symlink("file/", Path("wrong")));
  EXPECT_ERRNO(ENOTDIR, open(Path("wrong"), O_RDONLY));
}

TEST_F(PathResolutionTest, DanglingSymlinkFailsWithEnoent) {
  ASSERT_OK(symlink("missing", Path("link")));
  EXPECT_ERRNO(ENOENT, open(Path("link"), O_RDONLY));
  EXPECT_ERRNO(ENOENT, open(Path("link/file"), O_RDONLY));
}

TEST_F(PathResolutionTest, FortySymlinksWorkAndFortyOneFailWithEloop) {
  ASSERT_OK(symlink("file", Path("link1")));
  for (int i = 2; i <= 41; ++i) {
    const std::string target = "link" + std::to_string(i - 1);
    ASSERT_OK(symlink(target.c_str(), Path("link" + std::to_string(i))));
  }
  EXPECT_EQ(ReadFile(Path("link40")), "top");
  EXPECT_ERRNO(ELOOP, open(Path("link41"), O_RDONLY));
}

TEST_F(PathResolutionTest, TheLimitOfFortyCountsTheWholePath) {
  ASSERT_OK(symlink(".", Path("here")));
  std::string path;
  for (int i = 0; i < 40; ++i) {
    path += "here/";
  }
  EXPECT_EQ(ReadFile(Path(path + "file")), "top");
  EXPECT_ERRNO(ELOOP, open(Path("here/" + path + "file"), O_RDONLY));
}

TEST_F(PathResolutionTest, LoopsFailWithEloop) {
  ASSERT_OK(symlink("ping", Path("pong")));
  ASSERT_OK(symlink("pong", Path("ping")));
  struct stat status;
  EXPECT_ERRNO(ELOOP, stat(Path("ping"), &status));
  EXPECT_ERRNO(ELOOP, stat(Path("pong/file"), &status));
  EXPECT_OK(lstat(Path("ping"), &status));
}

TEST_F(PathResolutionTest, EveryDirectoryOnTheWayMustBeSearchable) {
  WriteFile(Path("dir/sub/file"), "deep", 0666);
  ASSERT_OK(chmod(Path("dir"), 0600));
  GiveToOrdinaryUser(Path("dir"));
  ExpectPassesAsOrdinaryUser([&] {
    struct stat status;
    EXPECT_ERRNO(EACCES, stat(Path("dir/file"), &status));
    EXPECT_ERRNO(EACCES, stat(Path("dir/missing"), &status));
    EXPECT_ERRNO(EACCES, stat(Path("dir/sub/file"), &status));
    EXPECT_ERRNO(EACCES, stat(Path("dir/sub/../../file"), &status));
    EXPECT_ERRNO(EACCES, stat(Path("dir/."), &status));
    EXPECT_OK(stat(Path("dir"), &status));
    EXPECT_OK(stat(Path("dir/"), &status));
  });
  ASSERT_OK(chmod(Path("dir"), 0755));
}

TEST_F(PathResolutionTest, SearchPermissionAloneReachesAKnownName) {
  ASSERT_OK(chmod(Path("dir"), 0111));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_EQ(ReadFile(Path("dir/file")), "in dir");
    EXPECT_ERRNO(EACCES, open(Path("dir"), O_RDONLY));
  });
  ASSERT_OK(chmod(Path("dir"), 0755));
}

class DirfdTest : public PathResolutionTest {
 protected:
  void SetUp() override {
    PathResolutionTest::SetUp();
    dir_ = Fd(open(Path("dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_OK(dir_.get());
  }

  Fd dir_;
};

TEST_F(DirfdTest, RelativePathStartsThere) {
  Fd fd(openat(dir_.get(), "file", O_RDONLY));
  ASSERT_OK(fd.get());
  EXPECT_EQ(ReadAll(fd.get()), "in dir");
  struct stat status;
  EXPECT_OK(fstatat(dir_.get(), "../file", &status, 0));
  EXPECT_EQ(status.st_size, 3);
}

TEST_F(DirfdTest, AbsolutePathIgnoresItEvenIfInvalid) {
  struct stat status;
  EXPECT_OK(fstatat(dir_.get(), Path("file"), &status, 0));
  EXPECT_EQ(status.st_size, 3);
  EXPECT_OK(fstatat(-7, Path("file"), &status, 0));
}

TEST_F(DirfdTest, AtFdcwdMeansTheWorkingDirectory) {
  SavedWorkingDirectory saved;
  ASSERT_OK(chdir(Path("dir")));
  struct stat status;
  EXPECT_OK(fstatat(AT_FDCWD, "file", &status, 0));
  EXPECT_EQ(status.st_size, 6);
}

TEST_F(DirfdTest, InvalidDescriptorFailsWithEbadf) {
  struct stat status;
  EXPECT_ERRNO(EBADF, fstatat(-1, "file", &status, 0));
  EXPECT_ERRNO(EBADF, mkdirat(-1, "new", 0755));
  EXPECT_ERRNO(EBADF, unlinkat(-1, "file", 0));
  EXPECT_ERRNO(EBADF, symlinkat("target", -1, "link"));
  EXPECT_ERRNO(EBADF, renameat(-1, "file", AT_FDCWD, "other"));
  EXPECT_ERRNO(EBADF, faccessat(-1, "file", F_OK, 0));
}

TEST_F(DirfdTest, DescriptorOfAFileFailsWithEnotdir) {
  Fd file = OpenFile(Path("file"), O_RDONLY);
  struct stat status;
  EXPECT_ERRNO(ENOTDIR, fstatat(file.get(), "file", &status, 0));
  EXPECT_ERRNO(ENOTDIR, mkdirat(file.get(), "new", 0755));
  EXPECT_ERRNO(ENOTDIR, unlinkat(file.get(), "file", 0));
  EXPECT_ERRNO(ENOTDIR, openat(file.get(), ".", O_RDONLY));
}

TEST_F(DirfdTest, EmptyPathNeedsItsFlag) {
  Fd file = OpenFile(Path("file"), O_RDONLY);
  struct stat status;
  EXPECT_ERRNO(ENOENT, fstatat(file.get(), "", &status, 0));
  EXPECT_OK(fstatat(file.get(), "", &status, AT_EMPTY_PATH));
  EXPECT_EQ(status.st_size, 3);
  EXPECT_OK(fstatat(AT_FDCWD, "", &status, AT_EMPTY_PATH));
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_ERRNO(EBADF, fstatat(-1, "", &status, AT_EMPTY_PATH));
}

TEST_F(DirfdTest, SurvivesRenameOfItsDirectory) {
  ASSERT_OK(rename(Path("dir"), Path("moved")));
  Fd fd(openat(dir_.get(), "file", O_RDONLY));
  EXPECT_OK(fd.get());
}

TEST_F(DirfdTest, RemovedDirectoryAcceptsNoNewNames) {
  Fd sub = OpenFile(Path("dir/sub"), O_RDONLY | O_DIRECTORY);
  ASSERT_OK(rmdir(Path("dir/sub")));
  EXPECT_ERRNO(ENOENT, openat(sub.get(), "new", O_WRONLY | O_CREAT, 0600));
  EXPECT_ERRNO(ENOENT, mkdirat(sub.get(), "new", 0755));
  EXPECT_ERRNO(ENOENT, symlinkat("target", sub.get(), "new"));
  EXPECT_ERRNO(ENOENT, openat(sub.get(), "old", O_RDONLY));
  struct stat status;
  EXPECT_OK(fstatat(sub.get(), ".", &status, 0));
}

TEST_F(DirfdTest, MagicLinkOfADescriptorLeadsToTheFileEvenWhenItHasMoved) {
  Fd file = OpenFile(Path("file"), O_RDONLY);
  ASSERT_OK(rename(Path("file"), Path("dir/elsewhere")));
  EXPECT_EQ(ReadFile(FdPath(file.get()).c_str()), "top");
  EXPECT_EQ(ReadFile((FdPath(dir_.get()) + "/elsewhere").c_str()), "top");
  EXPECT_EQ(ReadLink(FdPath(file.get()).c_str()), Path("dir/elsewhere"));
  EXPECT_ERRNO(ELOOP, open(FdPath(file.get()).c_str(), O_RDONLY | O_NOFOLLOW));
}

// Not provoked: ENOMEM; EIO. ELOOP by a nosymfollow mount and EACCES by protected_symlinks or
// protected_regular depend on the host's settings.

}  // namespace
}  // namespace ukrun::compat_tests
