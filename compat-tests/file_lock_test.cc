// The record locks of fcntl(2) and open file description locks. flock(2) is in flock_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct flock Range(short type, off_t start, off_t length) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

int Lock(int fd, int command, short type, off_t start = 0, off_t length = 0) {
  struct flock lock = Range(type, start, length);
  return fcntl(fd, command, &lock);
}

class FileLockTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "0123456789");
    fd_ = Open();
  }
  Fd Open(int flags = O_RDWR) const { return OpenFile(Path("file"), flags); }

  Fd fd_;
};

class RecordLockTest : public FileLockTest {
 protected:
  // Whether another process could lock that range now.
  void ExpectOthersCan(short type, off_t start, off_t length) {
    ExpectPassesInChild([&] {
      Fd other = Open();
      EXPECT_OK(Lock(other.get(), F_SETLK, type, start, length)) << start << "+" << length;
    });
  }
  void ExpectOthersCannot(short type, off_t start, off_t length) {
    ExpectPassesInChild([&] {
      Fd other = Open();
      EXPECT_ERRNO(OneOf(EAGAIN, EACCES), Lock(other.get(), F_SETLK, type, start, length))
          << start << "+" << length;
    });
  }
};

TEST_F(RecordLockTest, ConflictsBetweenProcessesByRangeAndType) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 2, 4));
  ExpectOthersCannot(F_RDLCK, 5, 1);
  ExpectOthersCannot(F_WRLCK, 0, 3);
  ExpectOthersCannot(F_WRLCK, 0, 0);
  ExpectOthersCan(F_WRLCK, 0, 2);
  ExpectOthersCan(F_WRLCK, 6, 0);
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_RDLCK, 2, 4));
  ExpectOthersCan(F_RDLCK, 0, 0);
  ExpectOthersCannot(F_WRLCK, 3, 1);
}

TEST_F(RecordLockTest, NeverConflictsInsideOneProcess) {
  Fd other = Open();
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
  EXPECT_OK(Lock(other.get(), F_SETLK, F_WRLCK));
  struct flock query = Range(F_WRLCK, 0, 0);
  ASSERT_OK(fcntl(other.get(), F_GETLK, &query));
  EXPECT_EQ(query.l_type, F_UNLCK);
}

TEST_F(RecordLockTest, UnlockingTheMiddleSplitsTheRange) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 0, 10));
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK, 4, 2));
  ExpectOthersCan(F_WRLCK, 4, 2);
  ExpectOthersCannot(F_WRLCK, 3, 1);
  ExpectOthersCannot(F_WRLCK, 6, 1);
}

TEST_F(RecordLockTest, PartOfARangeCanBeConverted) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 0, 10));
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_RDLCK, 4, 2));
  ExpectOthersCan(F_RDLCK, 4, 2);
  ExpectOthersCannot(F_WRLCK, 4, 2);
  ExpectOthersCannot(F_RDLCK, 3, 1);
}

TEST_F(RecordLockTest, QueryNamesTheHolderAndItsRange) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_RDLCK, 3, 2));
  const pid_t holder = getpid();
  ExpectPassesInChild([&] {
    Fd other = Open();
    struct flock query = Range(F_WRLCK, 0, 0);
    ASSERT_OK(fcntl(other.get(), F_GETLK, &query));
    EXPECT_EQ(query.l_type, F_RDLCK);
    EXPECT_EQ(query.l_whence, SEEK_SET);
    EXPECT_EQ(query.l_start, 3);
    EXPECT_EQ(query.l_len, 2);
    EXPECT_EQ(query.l_pid, holder);
    query = Range(F_RDLCK, 0, 0);
    ASSERT_OK(fcntl(other.get(), F_GETLK, &query));
    EXPECT_EQ(query.l_type, F_UNLCK);
  });
}

TEST_F(RecordLockTest, RangesCountFromOffsetAndEndAndBackwards) {
  EXPECT_EQ(lseek(fd_.get(), 4, SEEK_SET), 4);
  struct flock lock = Range(F_WRLCK, 1, 2);
  lock.l_whence = SEEK_CUR;
  ASSERT_OK(fcntl(fd_.get(), F_SETLK, &lock));  // [5, 7)
  lock = Range(F_WRLCK, 0, -1);
  lock.l_whence = SEEK_END;
  ASSERT_OK(fcntl(fd_.get(), F_SETLK, &lock));  // [9, 10)
  ExpectOthersCan(F_WRLCK, 0, 5);
  ExpectOthersCannot(F_WRLCK, 6, 1);
  ExpectOthersCan(F_WRLCK, 7, 2);
  ExpectOthersCannot(F_WRLCK, 9, 1);
  ExpectOthersCan(F_WRLCK, 10, 0);
}

TEST_F(RecordLockTest, LengthZeroReachesBeyondAnyEnd) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 100, 0));
  ExpectOthersCan(F_WRLCK, 0, 100);
  ExpectOthersCannot(F_WRLCK, off_t{1} << 50, 1);
}

TEST_F(RecordLockTest, ClosingAnyDescriptorOfTheFileReleasesAll) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
  ExpectOthersCannot(F_WRLCK, 0, 0);
  Open(O_RDONLY).Close();
  ExpectOthersCan(F_WRLCK, 0, 0);
}

TEST_F(RecordLockTest, IsNotInheritedByFork) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
  ExpectPassesInChild([&] {
    EXPECT_ERRNO(OneOf(EAGAIN, EACCES), Lock(fd_.get(), F_SETLK, F_WRLCK));
    EXPECT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK));
  });
  ExpectOthersCannot(F_WRLCK, 0, 0);
}

TEST_F(RecordLockTest, SurvivesExec) {
  Signpost locked;
  int hold[2];
  ASSERT_OK(pipe2(hold, O_CLOEXEC));
  Child child([&] {
    fd_.Close();  // closing it at the exec would release the lock
    const int fd = open(Path("file"), O_RDWR);
    EXPECT_OK(Lock(fd, F_SETLK, F_WRLCK));
    dup2(hold[0], STDIN_FILENO);
    locked.Raise();
    execl("/bin/cat", "cat", nullptr);
    _exit(127);
  });
  close(hold[0]);
  ASSERT_TRUE(locked.Wait());
  // The child's program name shows that the exec is done.
  const std::string comm = "/proc/" + std::to_string(child.pid()) + "/comm";
  ASSERT_TRUE(WaitUntil([&] { return ReadFile(comm.c_str()) == "cat\n"; }));
  EXPECT_ERRNO(OneOf(EAGAIN, EACCES), Lock(fd_.get(), F_SETLK, F_WRLCK));
  close(hold[1]);
  EXPECT_TRUE(child.Passes());
  EXPECT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
}

TEST_F(RecordLockTest, WaiterGetsTheLockWhenItIsReleased) {
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 0, 4));
  Child child([&] {
    Fd other = Open();
    EXPECT_OK(Lock(other.get(), F_SETLKW, F_WRLCK, 3, 1));
  });
  WaitUntilAsleep(child.pid());
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK, 3, 1));
  EXPECT_TRUE(child.Passes());
}

TEST_F(RecordLockTest, ExitOfTheHolderReleases) {
  Signpost locked;
  Signpost leave;
  Child child([&] {
    EXPECT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
    locked.Raise();
    leave.Wait();
  });
  ASSERT_TRUE(locked.Wait());
  EXPECT_ERRNO(OneOf(EAGAIN, EACCES), Lock(fd_.get(), F_SETLK, F_WRLCK));
  leave.Raise();
  EXPECT_OK(Lock(fd_.get(), F_SETLKW, F_WRLCK));
  EXPECT_TRUE(child.Passes());
}

TEST_F(RecordLockTest, DeadlockFailsWithEdeadlkForOneAndServesTheOther) {
  Signpost locked;
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 0, 1));
  // Each takes its own byte, then wants the other's; whoever comes second is told.
  const auto want = [&](off_t own, off_t wanted) {
    if (Lock(fd_.get(), F_SETLKW, F_WRLCK, wanted, 1) == 0) {
      return false;
    }
    EXPECT_EQ(errno, EDEADLK);
    EXPECT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK, own, 1));
    return true;
  };
  Child child([&] {
    EXPECT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK, 1, 1));
    locked.Raise();
    const bool deadlocked = want(1, 0);
    fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 9 : deadlocked ? 1 : 0);
  });
  ASSERT_TRUE(locked.Wait());
  const bool parent_deadlocked = want(0, 1);
  if (!parent_deadlocked) {
    ASSERT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK));
  }
  const int status = child.WaitStatus();
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), parent_deadlocked ? 0 : 1);
}

TEST_F(RecordLockTest, WaitIsInterruptedBySignals) {
  Signpost locked;
  Child child([&] {
    EXPECT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
    locked.Raise();
    pause();
  });
  ASSERT_TRUE(locked.Wait());
  InterruptingTimer timer;
  EXPECT_ERRNO(EINTR, Lock(fd_.get(), F_SETLKW, F_WRLCK));
}

TEST_F(RecordLockTest, ErrorsOfRecordLocks) {
  EXPECT_ERRNO(EBADF, Lock(-1, F_SETLK, F_WRLCK));
  EXPECT_ERRNO(EBADF, Lock(Open(O_RDONLY).get(), F_SETLK, F_WRLCK));
  EXPECT_ERRNO(EBADF, Lock(Open(O_WRONLY).get(), F_SETLK, F_RDLCK));
  EXPECT_ERRNO(EINVAL, Lock(fd_.get(), F_SETLK, 77));
  EXPECT_ERRNO(EINVAL, Lock(fd_.get(), F_SETLK, F_WRLCK, -1, 1));
  EXPECT_ERRNO(EINVAL, Lock(fd_.get(), F_SETLK, F_WRLCK, 3, -5));
  EXPECT_ERRNO(EOVERFLOW, Lock(fd_.get(), F_SETLK, F_WRLCK, std::numeric_limits<off_t>::max(), 2));
  EXPECT_ERRNO(EINVAL, Lock(fd_.get(), F_GETLK, F_UNLCK));
  struct flock lock = Range(F_WRLCK, 0, 1);
  lock.l_whence = 9;
  EXPECT_ERRNO(EINVAL, fcntl(fd_.get(), F_SETLK, &lock));
  EXPECT_ERRNO(EFAULT, fcntl(fd_.get(), F_SETLK, 1));
  EXPECT_ERRNO(EFAULT, fcntl(fd_.get(), F_GETLK, 1));
}

class DescriptionLockTest : public FileLockTest {};

TEST_F(DescriptionLockTest, ConflictsBetweenDescriptionsOfOneProcess) {
  Fd other = Open();
  ASSERT_OK(Lock(fd_.get(), F_OFD_SETLK, F_WRLCK, 0, 5));
  EXPECT_ERRNO(EAGAIN, Lock(other.get(), F_OFD_SETLK, F_RDLCK, 4, 1));
  EXPECT_OK(Lock(other.get(), F_OFD_SETLK, F_WRLCK, 5, 5));
  struct flock query = Range(F_WRLCK, 0, 0);
  ASSERT_OK(fcntl(other.get(), F_OFD_GETLK, &query));
  EXPECT_EQ(query.l_type, F_WRLCK);
  EXPECT_EQ(query.l_len, 5);
  EXPECT_EQ(query.l_pid, -1);
}

TEST_F(DescriptionLockTest, ConflictsWithRecordLocksOfTheSameProcess) {
  Fd other = Open();
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_WRLCK));
  EXPECT_ERRNO(EAGAIN, Lock(other.get(), F_OFD_SETLK, F_WRLCK));
  ASSERT_OK(Lock(fd_.get(), F_SETLK, F_UNLCK));
  ASSERT_OK(Lock(other.get(), F_OFD_SETLK, F_WRLCK));
  EXPECT_ERRNO(EAGAIN, Lock(fd_.get(), F_SETLK, F_WRLCK));
}

TEST_F(DescriptionLockTest, LivesUntilTheLastCloseOfItsDescription) {
  Fd other = Open();
  ASSERT_OK(Lock(fd_.get(), F_OFD_SETLK, F_WRLCK));
  Open().Close();  // unlike with record locks, somebody else's close is of no matter
  Fd copy(dup(fd_.get()));
  fd_.Close();
  EXPECT_ERRNO(EAGAIN, Lock(other.get(), F_OFD_SETLK, F_WRLCK));
  copy.Close();
  EXPECT_OK(Lock(other.get(), F_OFD_SETLK, F_WRLCK));
}

TEST_F(DescriptionLockTest, WaiterGetsTheLockWhenItIsReleased) {
  ASSERT_OK(Lock(fd_.get(), F_OFD_SETLK, F_WRLCK));
  Child child([&] {
    Fd other = Open();
    EXPECT_OK(Lock(other.get(), F_OFD_SETLKW, F_WRLCK));
  });
  WaitUntilAsleep(child.pid());
  ASSERT_OK(Lock(fd_.get(), F_OFD_SETLK, F_UNLCK));
  EXPECT_TRUE(child.Passes());
}

TEST_F(DescriptionLockTest, PidMustBeZero) {
  struct flock lock = Range(F_WRLCK, 0, 0);
  lock.l_pid = getpid();
  EXPECT_ERRNO(EINVAL, fcntl(fd_.get(), F_OFD_SETLK, &lock));
  EXPECT_ERRNO(EINVAL, fcntl(fd_.get(), F_OFD_GETLK, &lock));
}

// Not provoked: ENOLCK (needs the lock table exhausted, or a network file system).

}  // namespace
}  // namespace ukrun::compat_tests
