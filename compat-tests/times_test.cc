// The times of files: utimensat(2) and its older relatives, and which operation changes which time.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr timespec kNow = {0, UTIME_NOW};
constexpr timespec kOmit = {0, UTIME_OMIT};
constexpr timespec kOld = {1'000'000'000, 123'456'789};
constexpr timespec kOlder = {500'000'000, 987'654'321};

class TimesTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "content");
    ASSERT_OK(Set(kOld, kOld));
  }

  int Set(timespec access, timespec modification) const {
    const timespec times[2] = {access, modification};
    return utimensat(AT_FDCWD, Path("file"), times, 0);
  }
  int64_t AccessTime() const { return ToNs(Stat(Path("file")).st_atim); }
  int64_t ModificationTime() const { return ToNs(Stat(Path("file")).st_mtim); }
  int64_t StatusTime() const { return ToNs(Stat(Path("file")).st_ctim); }
};

class UtimensatTest : public TimesTest {};

TEST_F(UtimensatTest, SetsBothTimesToTheNanosecond) {
  ASSERT_OK(Set(kOlder, kOld));
  EXPECT_EQ(AccessTime(), ToNs(kOlder));
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(UtimensatTest, SetsTheStatusTimeToNow) {
  const int64_t before = FileClockNs();
  ASSERT_OK(Set(kOld, kOld));
  EXPECT_GE(StatusTime(), before);
  EXPECT_LE(StatusTime(), RealTimeNs());
}

TEST_F(UtimensatTest, NullMeansNowForBoth) {
  const int64_t before = FileClockNs();
  ASSERT_OK(utimensat(AT_FDCWD, Path("file"), nullptr, 0));
  const int64_t after = RealTimeNs();
  for (int64_t time : {AccessTime(), ModificationTime()}) {
    EXPECT_GE(time, before);
    EXPECT_LE(time, after);
  }
  EXPECT_EQ(AccessTime(), ModificationTime());
}

TEST_F(UtimensatTest, NowAndOmitActSeparately) {
  const int64_t before = FileClockNs();
  ASSERT_OK(Set(kOmit, kNow));
  EXPECT_EQ(AccessTime(), ToNs(kOld));
  EXPECT_GE(ModificationTime(), before);
  ASSERT_OK(Set(kOlder, kOmit));
  EXPECT_EQ(AccessTime(), ToNs(kOlder));
  EXPECT_GE(ModificationTime(), before);
}

TEST_F(UtimensatTest, OmittingBothDoesNothingAtAll) {
  const int64_t status_time = StatusTime();
  WaitForFileClockTick();
  EXPECT_OK(Set(kOmit, kOmit));
  EXPECT_EQ(StatusTime(), status_time);
}

TEST_F(UtimensatTest, SecondsBesideNowAreIgnored) {
  const int64_t before = FileClockNs();
  EXPECT_OK(Set({-5, UTIME_NOW}, {1'000'000'000'000, UTIME_OMIT}));
  EXPECT_GE(AccessTime(), before);
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(UtimensatTest, TimesBefore1970AndAfter2038Last) {
  ASSERT_OK(Set({-1'000, 5}, {4'294'967'296, 7}));
  EXPECT_EQ(Stat(Path("file")).st_atim.tv_sec, -1'000);
  EXPECT_EQ(Stat(Path("file")).st_atim.tv_nsec, 5);
  EXPECT_EQ(Stat(Path("file")).st_mtim.tv_sec, 4'294'967'296);
}

TEST_F(UtimensatTest, BadNanosecondsFailWithEinval) {
  EXPECT_ERRNO(EINVAL, Set({0, 1'000'000'000}, kOld));
  EXPECT_ERRNO(EINVAL, Set(kOld, {0, -1}));
  EXPECT_ERRNO(EINVAL, Set({0, 1'000'000'000}, kOmit));
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(UtimensatTest, ActsOnTheLinkOnlyWhenAsked) {
  ASSERT_OK(symlink("file", Path("link")));
  const timespec times[2] = {kOlder, kOlder};
  ASSERT_OK(utimensat(AT_FDCWD, Path("link"), times, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(ToNs(LinkStat(Path("link")).st_mtim), ToNs(kOlder));
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
  ASSERT_OK(utimensat(AT_FDCWD, Path("link"), times, 0));
  EXPECT_EQ(ModificationTime(), ToNs(kOlder));
}

TEST_F(UtimensatTest, WorksOnDescriptorsEvenReadOnlyOnes) {
  const timespec times[2] = {kOlder, kOlder};
  Fd fd = OpenFile(Path("file"), O_RDONLY);
  EXPECT_OK(futimens(fd.get(), times));
  EXPECT_EQ(ModificationTime(), ToNs(kOlder));
  const timespec back[2] = {kOld, kOld};
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_OK(utimensat(directory.get(), "file", back, 0));
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(UtimensatTest, OlderCallsSetMicrosecondsAndSeconds) {
  const timeval micro[2] = {{100, 1}, {200, 999'999}};
  EXPECT_OK(syscall(SYS_utimes, Path("file").c_str(), micro));
  EXPECT_EQ(AccessTime(), 100'000'001'000);
  EXPECT_EQ(ModificationTime(), 200'999'999'000);
  EXPECT_OK(syscall(SYS_futimesat, AT_FDCWD, Path("file").c_str(), nullptr));
  EXPECT_GT(Stat(Path("file")).st_mtime, 1'600'000'000);
  const utimbuf seconds = {300, 400};
  EXPECT_OK(syscall(SYS_utime, Path("file").c_str(), &seconds));
  EXPECT_EQ(AccessTime(), 300'000'000'000);
  EXPECT_EQ(ModificationTime(), 400'000'000'000);
  const timeval bad[2] = {{0, 1'000'000}, {0, 0}};
  EXPECT_ERRNO(EINVAL, syscall(SYS_utimes, Path("file").c_str(), bad));
}

TEST_F(UtimensatTest, OwnerNeedsNoWritePermission) {
  ASSERT_OK(chmod(Path("file"), 0));
  GiveToOrdinaryUser(Path("file"));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_OK(Set(kOlder, kOlder));
    EXPECT_OK(utimensat(AT_FDCWD, Path("file"), nullptr, 0));
  });
}

TEST_F(UtimensatTest, OthersMaySetOnlyNowAndNeedWritePermission) {
  SKIP_UNLESS_ROOT();
  ASSERT_OK(chmod(Path("file"), 0646));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_OK(utimensat(AT_FDCWD, Path("file"), nullptr, 0));
    EXPECT_OK(Set(kNow, kNow));
    EXPECT_ERRNO(EPERM, Set(kOld, kOld));
    EXPECT_ERRNO(EPERM, Set(kNow, kOmit));
    EXPECT_OK(Set(kOmit, kOmit));
  });
  ASSERT_OK(chmod(Path("file"), 0644));
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(EACCES, utimensat(AT_FDCWD, Path("file"), nullptr, 0));
    EXPECT_ERRNO(EACCES, Set(kNow, kNow));
    EXPECT_ERRNO(EPERM, Set(kOld, kOld));
  });
}

TEST_F(UtimensatTest, ErrorsOfUtimensat) {
  ASSERT_OK(symlink("loop", Path("loop")));
  EXPECT_ERRNO(ENOENT, utimensat(AT_FDCWD, Path("missing"), nullptr, 0));
  EXPECT_ERRNO(ENOENT, utimensat(AT_FDCWD, "", nullptr, 0));
  EXPECT_ERRNO(ENOTDIR, utimensat(AT_FDCWD, Path("file/x"), nullptr, 0));
  EXPECT_ERRNO(ELOOP, utimensat(AT_FDCWD, Path("loop"), nullptr, 0));
  EXPECT_ERRNO(ENAMETOOLONG, utimensat(AT_FDCWD, Path(std::string(256, 'n')), nullptr, 0));
  EXPECT_ERRNO(EBADF, utimensat(-1, "file", nullptr, 0));
  EXPECT_ERRNO(EBADF, syscall(SYS_utimensat, -1, nullptr, nullptr, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_utimensat, AT_FDCWD, 1, nullptr, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_utimensat, AT_FDCWD, nullptr, nullptr, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_utimensat, AT_FDCWD, Path("file").c_str(), 1, 0));
  EXPECT_ERRNO(EINVAL, utimensat(AT_FDCWD, Path("file"), nullptr, 0x40000000));
}

class TimeChangeTest : public TimesTest {
 protected:
  void SetUp() override {
    TimesTest::SetUp();
    ASSERT_OK(mkdir(Path("dir"), 0755));
    WriteFile(Path("dir/inner"), "");
    MakeDirectoryOld();
  }

  void MakeDirectoryOld() {
    const timespec old_times[2] = {kOld, kOld};
    ASSERT_OK(utimensat(AT_FDCWD, Path("dir"), old_times, 0));
  }
  // Whether the directory was modified since it was made old; makes it old again.
  bool DirectoryChanged() {
    const bool changed = ToNs(Stat(Path("dir")).st_mtim) != ToNs(kOld);
    MakeDirectoryOld();
    return changed;
  }
};

TEST_F(TimeChangeTest, WriteChangesModificationAndStatusTime) {
  const int64_t before = FileClockNs();
  Fd fd = OpenFile(Path("file"), O_WRONLY);
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
  WriteAll(fd.get(), "x");
  EXPECT_GE(ModificationTime(), before);
  EXPECT_GE(StatusTime(), before);
  EXPECT_EQ(AccessTime(), ToNs(kOld));
}

TEST_F(TimeChangeTest, EmptyWriteChangesNothing) {
  Fd fd = OpenFile(Path("file"), O_WRONLY);
  EXPECT_EQ(write(fd.get(), "", 0), 0);
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(TimeChangeTest, ReadChangesAnAccessTimeThatIsNotNewerThanTheModification) {
  struct statvfs filesystem = {};
  ASSERT_OK(statvfs(Path("file"), &filesystem));
  if ((filesystem.f_flag & ST_NOATIME) != 0) {
    GTEST_SKIP() << "the file system is mounted without access times";
  }
  const int64_t before = FileClockNs();
  EXPECT_EQ(ReadFile(Path("file")), "content");
  EXPECT_GE(AccessTime(), before);
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(TimeChangeTest, ReadWithNoAtimeLeavesTheAccessTime) {
  Fd fd = OpenFile(Path("file"), O_RDONLY | O_NOATIME);
  EXPECT_EQ(ReadAll(fd.get()), "content");
  EXPECT_EQ(AccessTime(), ToNs(kOld));
}

TEST_F(TimeChangeTest, OpenStatAndSeekChangeNothing) {
  const int64_t status_time = StatusTime();
  WaitForFileClockTick();
  Fd fd = OpenFile(Path("file"), O_RDWR);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_END), 7);
  EXPECT_OK(access(Path("file"), R_OK));
  EXPECT_EQ(AccessTime(), ToNs(kOld));
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
  EXPECT_EQ(StatusTime(), status_time);
}

TEST_F(TimeChangeTest, ChmodLinkAndUnlinkChangeTheStatusTimeOnly) {
  int64_t status_time = StatusTime();
  const auto changed = [&] {
    const bool later = StatusTime() > status_time;
    status_time = StatusTime();
    WaitForFileClockTick();
    return later;
  };
  WaitForFileClockTick();
  ASSERT_OK(chmod(Path("file"), 0600));
  EXPECT_TRUE(changed());
  ASSERT_OK(link(Path("file"), Path("second")));
  EXPECT_TRUE(changed());
  ASSERT_OK(unlink(Path("second")));
  EXPECT_TRUE(changed());
  ASSERT_OK(chown(Path("file"), geteuid(), getegid()));
  EXPECT_TRUE(changed());
  EXPECT_EQ(ModificationTime(), ToNs(kOld));
}

TEST_F(TimeChangeTest, DirectoryChangesWithItsNamesOnly) {
  WriteFile(Path("dir/inner"), "rewritten");
  ASSERT_OK(chmod(Path("dir/inner"), 0600));
  EXPECT_FALSE(DirectoryChanged());
  WriteFile(Path("dir/new"), "");
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(mkdir(Path("dir/sub"), 0755));
  EXPECT_TRUE(DirectoryChanged());
  WriteFile(Path("dir/sub/deep"), "");
  EXPECT_FALSE(DirectoryChanged());
  ASSERT_OK(rename(Path("dir/new"), Path("dir/renamed")));
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(link(Path("dir/renamed"), Path("dir/linked")));
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(symlink("x", Path("dir/symlink")));
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(mkfifo(Path("dir/fifo"), 0600));
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(unlink(Path("dir/linked")));
  EXPECT_TRUE(DirectoryChanged());
  ASSERT_OK(unlink(Path("dir/sub/deep")));
  ASSERT_OK(rmdir(Path("dir/sub")));
  EXPECT_TRUE(DirectoryChanged());
}

TEST_F(TimeChangeTest, LaterWritesHaveLaterTimes) {
  Fd fd = OpenFile(Path("file"), O_WRONLY);
  int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    WriteAll(fd.get(), "x");
    EXPECT_GT(ModificationTime(), last);
    last = ModificationTime();
    WaitForFileClockTick();
  }
}

// Not provoked: EROFS (needs a read-only mount); EPERM and EACCES of immutable and append-only
// files (chattr); ESRCH (only where access to /proc is restricted).

}  // namespace
}  // namespace ukrun::compat_tests
