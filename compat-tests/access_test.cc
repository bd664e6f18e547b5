// access(2), faccessat(2) and faccessat2(2): what the real user could do.

#include <fcntl.h>
#include <gtest/gtest.h>
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

class AccessTest : public TempDirTest {
 protected:
  void SetUp() override { WriteFile(Path("file"), "content", 0644); }

  static long FaccessAt2(int directory, const char* path, int mode, int flags) {
    return syscall(SYS_faccessat2, directory, path, mode, flags);
  }
};

TEST_F(AccessTest, TellsWhatTheOwnerMayDo) {
  ASSERT_OK(chmod(Path("file"), 0500));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_OK(access(Path("file"), F_OK));
    EXPECT_OK(access(Path("file"), R_OK));
    EXPECT_OK(access(Path("file"), X_OK));
    EXPECT_OK(access(Path("file"), R_OK | X_OK));
    EXPECT_ERRNO(EACCES, access(Path("file"), W_OK));
    EXPECT_ERRNO(EACCES, access(Path("file"), R_OK | W_OK));
  });
}

TEST_F(AccessTest, ExistenceNeedsOnlySearchPermission) {
  ASSERT_OK(mkdir(Path("dir"), 0755));
  WriteFile(Path("dir/file"), "", 0);
  ASSERT_OK(chmod(Path("dir"), 0600));
  GiveToOrdinaryUser(Path("dir"));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EACCES, access(Path("dir/file"), F_OK));
    ASSERT_OK(chmod(Path("dir"), 0100));
    EXPECT_OK(access(Path("dir/file"), F_OK));
    ASSERT_OK(chmod(Path("dir"), 0755));
  });
}

TEST_F(AccessTest, RootMayDoAllButRunWhatNobodyCanRun) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 0));
  EXPECT_OK(access(Path("file"), R_OK | W_OK));
  EXPECT_ERRNO(EACCES, access(Path("file"), X_OK));
  ASSERT_OK(chmod(Path("file"), 0001));
  EXPECT_OK(access(Path("file"), X_OK));
  ASSERT_OK(mkdir(Path("dir"), 0));
  EXPECT_OK(access(Path("dir"), R_OK | W_OK | X_OK));
}

TEST_F(AccessTest, AsksForTheRealUserUnlessToldOtherwise) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 0600));
  ExpectPassesInChild([&] {
    ASSERT_OK(setresuid(kOrdinaryUid, 0, 0));
    EXPECT_ERRNO(EACCES, access(Path("file"), R_OK));
    EXPECT_OK(FaccessAt2(AT_FDCWD, Path("file"), R_OK, AT_EACCESS));
    Fd fd(open(Path("file"), O_RDONLY));
    EXPECT_OK(fd.get());
  });
  ASSERT_OK(chown(Path("file"), kOrdinaryUid, kOrdinaryGid));
  ExpectPassesInChild([&] {
    ASSERT_OK(setresgid(kStrangerGid, kStrangerGid, kStrangerGid));
    ASSERT_OK(setresuid(kOrdinaryUid, kStrangerUid, kStrangerUid));
    EXPECT_OK(access(Path("file"), R_OK));
    EXPECT_ERRNO(EACCES, FaccessAt2(AT_FDCWD, Path("file"), R_OK, AT_EACCESS));
  });
}

TEST_F(AccessTest, FollowsLinksUnlessToldOtherwise) {
  ASSERT_OK(symlink("missing", Path("dangling")));
  EXPECT_ERRNO(ENOENT, access(Path("dangling"), F_OK));
  EXPECT_OK(FaccessAt2(AT_FDCWD, Path("dangling"), F_OK, AT_SYMLINK_NOFOLLOW));
}

TEST_F(AccessTest, WorksOnDescriptors) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_OK(FaccessAt2(fd.get(), "", R_OK, AT_EMPTY_PATH));
  EXPECT_ERRNO(ENOENT, FaccessAt2(fd.get(), "", R_OK, 0));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_OK(faccessat(directory.get(), "file", R_OK, 0));
}

TEST_F(AccessTest, ErrorsOfAccess) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, access(Path("missing"), F_OK));
  EXPECT_ERRNO(ENOENT, access("", F_OK));
  EXPECT_ERRNO(ENOTDIR, access(Path("file/x"), F_OK));
  EXPECT_ERRNO(ELOOP, access(Path("loop"), F_OK));
  EXPECT_ERRNO(ENAMETOOLONG, access(Path(std::string(256, 'n')), F_OK));
  EXPECT_ERRNO(EFAULT, access(BadPointer<const char>(), F_OK));
  EXPECT_ERRNO(EINVAL, access(Path("file"), 8));
  EXPECT_ERRNO(EINVAL, access(Path("file"), -1));
  EXPECT_ERRNO(EBADF, faccessat(-1, "file", F_OK, 0));
  EXPECT_ERRNO(EINVAL, FaccessAt2(AT_FDCWD, Path("file"), F_OK, 0x40000000));
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, faccessat(fd.get(), "file", F_OK, 0));
}

// Not provoked: EIO, ENOMEM; EROFS (needs a read-only mount); ETXTBSY (of W_OK, only for swap
// files); EPERM (an immutable file).

}  // namespace
}  // namespace ukrun::compat_tests
