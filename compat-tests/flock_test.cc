// flock(2): locks on whole files that belong to open file descriptions.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class FlockTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "0123456789");
    fd_ = Open();
  }
  Fd Open(int flags = O_RDWR) const { return OpenFile(Path("file"), flags); }

  Fd fd_;
};

TEST_F(FlockTest, ExclusiveLockExcludesOtherDescriptions) {
  Fd other = Open();
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  EXPECT_ERRNO(EWOULDBLOCK, flock(other.get(), LOCK_EX | LOCK_NB));
  EXPECT_ERRNO(EWOULDBLOCK, flock(other.get(), LOCK_SH | LOCK_NB));
  ASSERT_OK(flock(fd_.get(), LOCK_UN));
  EXPECT_OK(flock(other.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, SharedLocksCoexist) {
  Fd other = Open(O_RDONLY);
  ASSERT_OK(flock(fd_.get(), LOCK_SH));
  EXPECT_OK(flock(other.get(), LOCK_SH | LOCK_NB));
  EXPECT_ERRNO(EWOULDBLOCK, flock(other.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, NeedsNoWriteAccessForExclusive) {
  Fd reader = Open(O_RDONLY);
  EXPECT_OK(flock(reader.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, IsConvertedInPlace) {
  Fd other = Open();
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  ASSERT_OK(flock(fd_.get(), LOCK_SH));
  EXPECT_OK(flock(other.get(), LOCK_SH | LOCK_NB));
  EXPECT_ERRNO(EWOULDBLOCK, flock(fd_.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, BelongsToTheDescriptionThatDupAndForkShare) {
  Fd other = Open();
  Fd copy(dup(fd_.get()));
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  EXPECT_OK(flock(copy.get(), LOCK_EX | LOCK_NB));
  fd_.Close();
  EXPECT_ERRNO(EWOULDBLOCK, flock(other.get(), LOCK_EX | LOCK_NB));
  ExpectPassesInChild([&] { EXPECT_OK(flock(copy.get(), LOCK_UN)); });
  EXPECT_OK(flock(other.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, LastCloseReleases) {
  Fd other = Open();
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  fd_.Close();
  EXPECT_OK(flock(other.get(), LOCK_EX | LOCK_NB));
}

TEST_F(FlockTest, WaiterGetsTheLockWhenItIsReleased) {
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  Child child([&] {
    Fd other = Open();
    EXPECT_OK(flock(other.get(), LOCK_EX));
  });
  WaitUntilAsleep(child.pid());
  ASSERT_OK(flock(fd_.get(), LOCK_UN));
  EXPECT_TRUE(child.Passes());
}

TEST_F(FlockTest, ExitOfTheHolderReleases) {
  Signpost locked;
  Child child([&] {
    Fd other = Open();
    EXPECT_OK(flock(other.get(), LOCK_EX));
    locked.Raise();
    pause();
  });
  ASSERT_TRUE(locked.Wait());
  EXPECT_ERRNO(EWOULDBLOCK, flock(fd_.get(), LOCK_SH | LOCK_NB));
  ASSERT_OK(kill(child.pid(), SIGKILL));
  child.WaitStatus();
  EXPECT_OK(flock(fd_.get(), LOCK_SH | LOCK_NB));
}

TEST_F(FlockTest, WaitIsInterruptedBySignals) {
  Fd other = Open();
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  InterruptingTimer timer;
  EXPECT_ERRNO(EINTR, flock(other.get(), LOCK_EX));
}

TEST_F(FlockTest, ErrorsOfFlock) {
  EXPECT_ERRNO(EBADF, flock(-1, LOCK_SH));
  EXPECT_ERRNO(EINVAL, flock(fd_.get(), 0));
  EXPECT_ERRNO(EINVAL, flock(fd_.get(), LOCK_SH | LOCK_EX));
  EXPECT_ERRNO(EINVAL, flock(fd_.get(), LOCK_NB));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_OK(flock(directory.get(), LOCK_EX));
}

TEST_F(FlockTest, DescriptorThatCanNeitherReadNorWriteCanOnlyUnlock) {
  Fd neither = OpenFile(Path("file"), O_ACCMODE);
  EXPECT_ERRNO(EBADF, flock(neither.get(), LOCK_SH));
  EXPECT_ERRNO(EBADF, flock(neither.get(), LOCK_EX));
  EXPECT_OK(flock(neither.get(), LOCK_UN));
}

TEST_F(FlockTest, IsIndependentOfRecordLocks) {
  ASSERT_OK(flock(fd_.get(), LOCK_EX));
  ExpectPassesInChild([&] {
    Fd other = Open();
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    EXPECT_OK(fcntl(other.get(), F_SETLK, &lock));
  });
}

// Not provoked: ENOLCK (needs the lock table exhausted).

}  // namespace
}  // namespace ukrun::compat_tests
