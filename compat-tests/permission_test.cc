// Who may do what: chmod(2), chown(2), the three permission classes, sticky and setgid directories.
// access(2) is in access_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr uid_t kSameUid = static_cast<uid_t>(-1);
constexpr gid_t kSameGid = static_cast<gid_t>(-1);

class ChmodTest : public TempDirTest {
 protected:
  void SetUp() override { WriteFile(Path("file"), "content", 0644); }
  mode_t Mode() const { return PermissionBits(Stat(Path("file"))); }
};

TEST_F(ChmodTest, SetsAllTwelveBitsWhateverTheUmask) {
  ScopedUmask umask(077);
  for (mode_t mode : {0u, 0777u, 04711u, 02755u, 01644u, 07777u}) {
    EXPECT_OK(chmod(Path("file"), mode));
    EXPECT_EQ(Mode(), mode);
  }
}

TEST_F(ChmodTest, IgnoresTypeBits) {
  EXPECT_OK(chmod(Path("file"), S_IFDIR | 0600));
  EXPECT_EQ(Stat(Path("file")).st_mode, mode_t{S_IFREG | 0600});
}

TEST_F(ChmodTest, WorksOnDescriptorsAndRelativeNames) {
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_OK(fchmod(fd.get(), 0600));
  EXPECT_EQ(Mode(), 0600u);
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_OK(fchmodat(directory.get(), "file", 0640, 0));
  EXPECT_EQ(Mode(), 0640u);
}

TEST_F(ChmodTest, FollowsSymlinksWhichHaveNoModeOfTheirOwn) {
  ASSERT_OK(symlink("file", Path("link")));
  EXPECT_OK(chmod(Path("link"), 0600));
  EXPECT_EQ(Mode(), 0600u);
  EXPECT_ERRNO(EOPNOTSUPP, fchmodat(AT_FDCWD, Path("link"), 0644, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(PermissionBits(LinkStat(Path("link"))), 0777u);
}

TEST_F(ChmodTest, Fchmodat2TakesFlags) {
  constexpr long kFchmodat2 = 452;
  Fd handle(open(Path("file"), O_PATH | O_CLOEXEC));
  if (syscall(kFchmodat2, handle.get(), "", 0600, AT_EMPTY_PATH) != 0 && errno == ENOSYS) {
    GTEST_SKIP() << "fchmodat2 is younger than this kernel";
  }
  EXPECT_EQ(Mode(), 0600u);
  EXPECT_OK(syscall(kFchmodat2, AT_FDCWD, Path("file").c_str(), 0640, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(Mode(), 0640u);
  EXPECT_ERRNO(EINVAL, syscall(kFchmodat2, AT_FDCWD, Path("file").c_str(), 0640, 0x40000000));
}

TEST_F(ChmodTest, ChangesStatusTimeOnly) {
  const struct stat before = Stat(Path("file"));
  WaitForFileClockTick();
  EXPECT_OK(chmod(Path("file"), 0600));
  EXPECT_GT(ToNs(Stat(Path("file")).st_ctim), ToNs(before.st_ctim));
  EXPECT_EQ(ToNs(Stat(Path("file")).st_mtim), ToNs(before.st_mtim));
}

TEST_F(ChmodTest, ErrorsOfChmod) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, chmod(Path("missing"), 0600));
  EXPECT_ERRNO(ENOTDIR, chmod(Path("file/x"), 0600));
  EXPECT_ERRNO(ELOOP, chmod(Path("loop"), 0600));
  EXPECT_ERRNO(ENAMETOOLONG, chmod(Path(std::string(256, 'n')), 0600));
  EXPECT_ERRNO(EFAULT, chmod(BadPointer<const char>(), 0600));
  EXPECT_ERRNO(EBADF, fchmod(-1, 0600));
  EXPECT_ERRNO(EBADF, fchmodat(-1, "file", 0600, 0));
}

TEST_F(ChmodTest, OfSomebodyElsesFileFailsWithEperm) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 0666));
  Fd fd = OpenFile(Path("file"), O_RDWR);
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EPERM, chmod(Path("file"), 0666));
    EXPECT_ERRNO(EPERM, fchmod(fd.get(), 0666));
  });
}

TEST_F(ChmodTest, SetgidIsDroppedForAForeignGroup) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chown(Path("file"), kOrdinaryUid, kStrangerGid));
  ExpectPassesAsOrdinaryUser([&] { EXPECT_OK(chmod(Path("file"), 06755)); });
  EXPECT_EQ(Mode(), 04755u);
  ExpectPassesInChild([&] {
    BecomeUser(kOrdinaryUid, kOrdinaryGid, {kStrangerGid});
    EXPECT_OK(chmod(Path("file"), 06755));
  });
  EXPECT_EQ(Mode(), 06755u);
}

class ChownTest : public ChmodTest {};

TEST_F(ChownTest, RootGivesFilesAway) {
  SKIP_UNLESS_ROOT();
  EXPECT_OK(chown(Path("file"), 1234, 5678));
  EXPECT_EQ(Stat(Path("file")).st_uid, 1234u);
  EXPECT_EQ(Stat(Path("file")).st_gid, 5678u);
  EXPECT_OK(chown(Path("file"), kSameUid, 99));
  EXPECT_EQ(Stat(Path("file")).st_uid, 1234u);
  EXPECT_EQ(Stat(Path("file")).st_gid, 99u);
}

TEST_F(ChownTest, LchownAndNoFollowChangeTheLink) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(symlink("file", Path("link")));
  EXPECT_OK(lchown(Path("link"), 1234, kSameGid));
  EXPECT_EQ(LinkStat(Path("link")).st_uid, 1234u);
  EXPECT_EQ(Stat(Path("file")).st_uid, 0u);
  EXPECT_OK(fchownat(AT_FDCWD, Path("link"), 77, kSameGid, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(LinkStat(Path("link")).st_uid, 77u);
  EXPECT_OK(chown(Path("link"), 55, kSameGid));
  EXPECT_EQ(Stat(Path("file")).st_uid, 55u);
  Fd handle(open(Path("file"), O_PATH | O_CLOEXEC));
  EXPECT_OK(fchownat(handle.get(), "", 66, kSameGid, AT_EMPTY_PATH));
  EXPECT_EQ(Stat(Path("file")).st_uid, 66u);
}

TEST_F(ChownTest, OrdinaryUserChangesOnlyTheGroupToOneOfHisOwn) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chown(Path("file"), kOrdinaryUid, kOrdinaryGid));
  ExpectPassesInChild([&] {
    BecomeUser(kOrdinaryUid, kOrdinaryGid, {kStrangerGid});
    EXPECT_OK(chown(Path("file"), kSameUid, kStrangerGid));
    EXPECT_OK(chown(Path("file"), kOrdinaryUid, kOrdinaryGid));
    EXPECT_ERRNO(EPERM, chown(Path("file"), kSameUid, 4242));
    EXPECT_ERRNO(EPERM, chown(Path("file"), kStrangerUid, kSameGid));
  });
}

TEST_F(ChownTest, OfSomebodyElsesFileFailsWithEperm) {
  SKIP_UNLESS_ROOT();
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EPERM, chown(Path("file"), kOrdinaryUid, kSameGid));
    EXPECT_ERRNO(EPERM, chown(Path("file"), kSameUid, kOrdinaryGid));
  });
}

TEST_F(ChownTest, ClearsSetuidAndSetgidOfPrograms) {
  ASSERT_OK(chmod(Path("file"), 06755));
  EXPECT_OK(chown(Path("file"), geteuid(), getegid()));
  EXPECT_EQ(Mode(), 0755u);
}

TEST_F(ChownTest, LeavesTheBitsOfDirectories) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(mkdir(Path("dir"), 0755));
  ASSERT_OK(chmod(Path("dir"), 02755));
  EXPECT_OK(chown(Path("dir"), 1234, 5678));
  EXPECT_EQ(PermissionBits(Stat(Path("dir"))), 02755u);
}

TEST_F(ChownTest, ErrorsOfChown) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, chown(Path("missing"), kSameUid, kSameGid));
  EXPECT_ERRNO(ENOTDIR, chown(Path("file/x"), kSameUid, kSameGid));
  EXPECT_ERRNO(ELOOP, chown(Path("loop"), kSameUid, kSameGid));
  EXPECT_ERRNO(ENAMETOOLONG, chown(Path(std::string(256, 'n')), kSameUid, kSameGid));
  EXPECT_ERRNO(EFAULT, chown(BadPointer<const char>(), kSameUid, kSameGid));
  EXPECT_ERRNO(EBADF, fchown(-1, kSameUid, kSameGid));
  EXPECT_ERRNO(EBADF, fchownat(-1, "file", kSameUid, kSameGid, 0));
  EXPECT_ERRNO(EINVAL, fchownat(AT_FDCWD, Path("file"), kSameUid, kSameGid, 0x40000000));
  EXPECT_ERRNO(ENOENT, fchownat(AT_FDCWD, "", kSameUid, kSameGid, 0));
}

class PermissionClassTest : public ChmodTest {
 protected:
  // Whether the file can be read by that user.
  testing::AssertionResult CanRead(uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {}) {
    const int status = Child([&] {
                         BecomeUser(uid, gid, groups);
                         const int fd = open(Path("file"), O_RDONLY);
                         _exit(fd >= 0 ? 0 : errno == EACCES ? 1 : 2);
                       }).WaitStatus();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) < 2) << status;
    return testing::AssertionResult(status == 0);
  }
};

TEST_F(PermissionClassTest, OnlyTheFirstMatchingClassCounts) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chown(Path("file"), kOrdinaryUid, kOrdinaryGid));
  ASSERT_OK(chmod(Path("file"), 0044));
  EXPECT_FALSE(CanRead(kOrdinaryUid, kOrdinaryGid));
  EXPECT_TRUE(CanRead(kStrangerUid, kOrdinaryGid));
  ASSERT_OK(chmod(Path("file"), 0404));
  EXPECT_TRUE(CanRead(kOrdinaryUid, kStrangerGid));
  EXPECT_FALSE(CanRead(kStrangerUid, kOrdinaryGid));
  EXPECT_TRUE(CanRead(kStrangerUid, kStrangerGid));
  ASSERT_OK(chmod(Path("file"), 0440));
  EXPECT_FALSE(CanRead(kStrangerUid, kStrangerGid));
}

TEST_F(PermissionClassTest, SupplementaryGroupsCount) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chown(Path("file"), 0, 7777));
  ASSERT_OK(chmod(Path("file"), 0640));
  EXPECT_FALSE(CanRead(kOrdinaryUid, kOrdinaryGid));
  EXPECT_TRUE(CanRead(kOrdinaryUid, kOrdinaryGid, {1, 2, 7777}));
}

TEST_F(PermissionClassTest, FileSystemUidDecides) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 0600));
  ExpectPassesInChild([&] {
    EXPECT_EQ(setfsuid(kOrdinaryUid), 0);
    EXPECT_ERRNO(EACCES, open(Path("file"), O_RDONLY));
    EXPECT_EQ(setfsuid(0), static_cast<int>(kOrdinaryUid));
    Fd fd(open(Path("file"), O_RDONLY));
    EXPECT_OK(fd.get());
  });
}

TEST_F(PermissionClassTest, ExecutionNeedsABitEvenForRoot) {
  WriteFile(Path("script"), "#!/bin/sh\nexit 7\n", 0644);
  ExpectPassesInChild([&] {
    EXPECT_ERRNO(EACCES, execl(Path("script"), "script", nullptr));
    EXPECT_ERRNO(EACCES, execl(Root(), "dir", nullptr));
  });
  ASSERT_OK(chmod(Path("script"), 0755));
  const int status = RunProgram({Path("script")});
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST_F(PermissionClassTest, WritingClearsSetuidUnlessRootWrites) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 06777));
  Fd fd = OpenFile(Path("file"), O_WRONLY);
  WriteAll(fd.get(), "x");
  EXPECT_EQ(Mode(), 06777u);
  ExpectPassesAsOrdinaryUser([&] { WriteAll(fd.get(), "y"); });
  EXPECT_EQ(Mode(), 0777u);
}

class StickyDirectoryTest : public TempDirTest {
 protected:
  // shared/ (sticky, of the stranger) with foreign (root's), mine (the ordinary user's) and dir/
  void SetUp() override {
    SKIP_UNLESS_ROOT();
    ASSERT_OK(mkdir(Path("shared"), 0755));
    ASSERT_OK(chmod(Path("shared"), 01777));
    ASSERT_OK(chown(Path("shared"), kStrangerUid, kStrangerGid));
    WriteFile(Path("shared/foreign"), "", 0666);
    WriteFile(Path("shared/mine"), "", 0666);
    ASSERT_OK(mkdir(Path("shared/dir"), 0777));
    ASSERT_OK(chown(Path("shared/mine"), kOrdinaryUid, kOrdinaryGid));
  }
};

TEST_F(StickyDirectoryTest, ProtectsFilesFromEverybodyElse) {
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EPERM, unlink(Path("shared/foreign")));
    EXPECT_ERRNO(EPERM, rename(Path("shared/foreign"), Path("shared/new")));
    EXPECT_ERRNO(EPERM, rename(Path("shared/mine"), Path("shared/foreign")));
    EXPECT_ERRNO(EPERM, rmdir(Path("shared/dir")));
    EXPECT_OK(rename(Path("shared/mine"), Path("shared/still-mine")));
    EXPECT_OK(unlink(Path("shared/still-mine")));
  });
  EXPECT_TRUE(Exists(Path("shared/foreign")));
}

TEST_F(StickyDirectoryTest, ItsOwnerMayRemoveEverything) {
  ExpectPassesInChild([&] {
    BecomeUser(kStrangerUid, kStrangerGid);
    EXPECT_OK(unlink(Path("shared/foreign")));
    EXPECT_OK(unlink(Path("shared/mine")));
    EXPECT_OK(rmdir(Path("shared/dir")));
  });
}

class SetgidDirectoryTest : public TempDirTest {};

TEST_F(SetgidDirectoryTest, PassesOnItsGroupAndToDirectoriesTheBit) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(mkdir(Path("team"), 0755));
  ASSERT_OK(chown(Path("team"), 0, 7777));
  ASSERT_OK(chmod(Path("team"), 02775));
  WriteFile(Path("team/file"), "");
  ASSERT_OK(mkdir(Path("team/dir"), 0755));
  ASSERT_OK(symlink("file", Path("team/link")));
  EXPECT_EQ(Stat(Path("team/file")).st_gid, 7777u);
  EXPECT_EQ(LinkStat(Path("team/link")).st_gid, 7777u);
  EXPECT_EQ(Stat(Path("team/dir")).st_gid, 7777u);
  EXPECT_EQ(Stat(Path("team/dir")).st_mode & S_ISGID, mode_t{S_ISGID});
  EXPECT_EQ(Stat(Path("team/file")).st_mode & S_ISGID, 0u);
}

TEST_F(SetgidDirectoryTest, StrangerCannotMakeASetgidProgramThere) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(mkdir(Path("team"), 0755));
  ASSERT_OK(chown(Path("team"), 0, 7777));
  ASSERT_OK(chmod(Path("team"), 02777));
  ExpectPassesAsOrdinaryUser([&] {
    umask(0);
    Fd fd(open(Path("team/program"), O_WRONLY | O_CREAT | O_EXCL, 06755));
    ASSERT_OK(fd.get());
  });
  EXPECT_EQ(Stat(Path("team/program")).st_gid, 7777u);
  EXPECT_EQ(PermissionBits(Stat(Path("team/program"))), 04755u);
}

TEST(UmaskTest, ReturnsTheOldMaskAndKeepsNineBits) {
  const mode_t original = umask(07777);
  EXPECT_EQ(umask(022), 0777u);
  EXPECT_EQ(umask(original), 022u);
}

TEST_F(SetgidDirectoryTest, UmaskIsInheritedButNotShared) {
  ScopedUmask umask_scope(027);
  ExpectPassesInChild([] { EXPECT_EQ(umask(0), 027u); });
  EXPECT_EQ(umask(027), 027u);
}

// Not provoked: EIO, ENOMEM; EROFS (needs a read-only mount); EPERM of an immutable file (chattr).

}  // namespace
}  // namespace ukrun::compat_tests
