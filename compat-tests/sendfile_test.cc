// sendfile(2) and copy_file_range(2). splice(2) and its relatives are in splice_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

class TwoFilesTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("in"), "0123456789");
    in_ = OpenFile(Path("in"), O_RDWR);
    out_ = OpenFile(Path("out"), O_RDWR | O_CREAT);
    int ends[2];
    ASSERT_OK(pipe2(ends, O_CLOEXEC));
    pipe_reader_ = Fd(ends[0]);
    pipe_writer_ = Fd(ends[1]);
  }

  std::string Output() const { return ReadFile(Path("out")); }
  off_t InOffset() const { return lseek(in_.get(), 0, SEEK_CUR); }

  Fd in_;
  Fd out_;
  Fd pipe_reader_;
  Fd pipe_writer_;
};

class SendfileTest : public TwoFilesTest {};

TEST_F(SendfileTest, CopiesBetweenFilesAndMovesBothOffsets) {
  EXPECT_EQ(sendfile(out_.get(), in_.get(), nullptr, 4), 4);
  EXPECT_EQ(InOffset(), 4);
  EXPECT_EQ(lseek(out_.get(), 0, SEEK_CUR), 4);
  EXPECT_EQ(sendfile(out_.get(), in_.get(), nullptr, 100), 6);
  EXPECT_EQ(sendfile(out_.get(), in_.get(), nullptr, 100), 0);
  EXPECT_EQ(Output(), "0123456789");
}

TEST_F(SendfileTest, GivenOffsetIsUsedAndUpdatedInstead) {
  off_t offset = 6;
  EXPECT_EQ(sendfile(out_.get(), in_.get(), &offset, 2), 2);
  EXPECT_EQ(offset, 8);
  EXPECT_EQ(InOffset(), 0);
  EXPECT_EQ(Output(), "67");
  offset = 50;
  EXPECT_EQ(sendfile(out_.get(), in_.get(), &offset, 2), 0);
}

TEST_F(SendfileTest, FeedsPipesAndSockets) {
  EXPECT_EQ(sendfile(pipe_writer_.get(), in_.get(), nullptr, 3), 3);
  int ends[2];
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  EXPECT_EQ(sendfile(ends[0], in_.get(), nullptr, 3), 3);
  char buffer[8];
  EXPECT_EQ(read(pipe_reader_.get(), buffer, sizeof(buffer)), 3);
  EXPECT_EQ(std::string(buffer, 3), "012");
  EXPECT_EQ(read(ends[1], buffer, sizeof(buffer)), 3);
  EXPECT_EQ(std::string(buffer, 3), "345");
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SendfileTest, FullNonblockingPipeFailsWithEagain) {
  WriteFile(Path("in"), std::string(1 << 20, 'x'));
  ASSERT_OK(fcntl(pipe_writer_.get(), F_SETFL, O_NONBLOCK));
  ssize_t total = 0;
  while (true) {
    const ssize_t count = sendfile(pipe_writer_.get(), in_.get(), nullptr, 1 << 20);
    if (count < 0) {
      EXPECT_EQ(errno, EAGAIN);
      break;
    }
    ASSERT_GT(count, 0);
    total += count;
  }
  EXPECT_EQ(InOffset(), total);
  EXPECT_LT(total, 1 << 20);
}

TEST_F(SendfileTest, CopiesLargeFilesWhole) {
  std::string content(2'000'003, '\0');
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 7 + i / 1000);
  }
  WriteFile(Path("in"), content);
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = sendfile(out_.get(), in_.get(), nullptr, content.size());
    ASSERT_GT(count, 0);
    done += static_cast<size_t>(count);
  }
  EXPECT_TRUE(Output() == content);
}

TEST_F(SendfileTest, ErrorsOfSendfile) {
  EXPECT_ERRNO(EBADF, sendfile(-1, in_.get(), nullptr, 1));
  EXPECT_ERRNO(EBADF, sendfile(out_.get(), -1, nullptr, 1));
  Fd writer = OpenFile(Path("in"), O_WRONLY);
  EXPECT_ERRNO(EBADF, sendfile(out_.get(), writer.get(), nullptr, 1));
  Fd reader = OpenFile(Path("out"), O_RDONLY);
  EXPECT_ERRNO(EBADF, sendfile(reader.get(), in_.get(), nullptr, 1));
  Fd appender = OpenFile(Path("out"), O_WRONLY | O_APPEND);
  EXPECT_ERRNO(EINVAL, sendfile(appender.get(), in_.get(), nullptr, 1));
  off_t negative = -1;
  EXPECT_ERRNO(EINVAL, sendfile(out_.get(), in_.get(), &negative, 1));
  off_t zero = 0;
  EXPECT_ERRNO(ESPIPE, sendfile(out_.get(), pipe_reader_.get(), &zero, 1));
  EXPECT_ERRNO(EFAULT, sendfile(out_.get(), in_.get(), BadPointer<off_t>(), 1));
  EXPECT_EQ(Output(), "");
}

TEST_F(SendfileTest, BrokenPipeFailsWithEpipe) {
  signal(SIGPIPE, SIG_IGN);
  pipe_reader_.Close();
  EXPECT_ERRNO(EPIPE, sendfile(pipe_writer_.get(), in_.get(), nullptr, 1));
  signal(SIGPIPE, SIG_DFL);
}

class CopyFileRangeTest : public TwoFilesTest {};

TEST_F(CopyFileRangeTest, CopiesAndMovesBothOffsets) {
  EXPECT_EQ(copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 4, 0), 4);
  EXPECT_EQ(InOffset(), 4);
  EXPECT_EQ(lseek(out_.get(), 0, SEEK_CUR), 4);
  EXPECT_EQ(copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 100, 0), 6);
  EXPECT_EQ(copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 100, 0), 0);
  EXPECT_EQ(Output(), "0123456789");
}

TEST_F(CopyFileRangeTest, GivenOffsetsAreUsedAndUpdatedInstead) {
  off_t from = 7;
  off_t to = 2;
  EXPECT_EQ(copy_file_range(in_.get(), &from, out_.get(), &to, 2, 0), 2);
  EXPECT_EQ(from, 9);
  EXPECT_EQ(to, 4);
  EXPECT_EQ(InOffset(), 0);
  EXPECT_EQ(Output(), std::string("\0\0"
                                  "78",
                                  4));
}

TEST_F(CopyFileRangeTest, WithinOneFileTheRangesMustNotOverlap) {
  off_t from = 0;
  off_t to = 5;
  EXPECT_EQ(copy_file_range(in_.get(), &from, in_.get(), &to, 3, 0), 3);
  EXPECT_EQ(ReadFile(Path("in")), "0123401289");
  from = 0;
  to = 2;
  EXPECT_ERRNO(EINVAL, copy_file_range(in_.get(), &from, in_.get(), &to, 4, 0));
}

TEST_F(CopyFileRangeTest, PastTheEndReturnsZero) {
  off_t from = 10;
  EXPECT_EQ(copy_file_range(in_.get(), &from, out_.get(), nullptr, 5, 0), 0);
  from = 1'000;
  EXPECT_EQ(copy_file_range(in_.get(), &from, out_.get(), nullptr, 5, 0), 0);
  EXPECT_EQ(Output(), "");
}

TEST_F(CopyFileRangeTest, CopiesALargeFileInALoop) {
  const std::string content(3'000'001, 'k');
  WriteFile(Path("in"), content);
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t count =
        copy_file_range(in_.get(), nullptr, out_.get(), nullptr, content.size() - done, 0);
    ASSERT_GT(count, 0);
    done += static_cast<size_t>(count);
  }
  EXPECT_TRUE(Output() == content);
}

TEST_F(CopyFileRangeTest, ErrorsOfCopyFileRange) {
  EXPECT_ERRNO(EBADF, copy_file_range(-1, nullptr, out_.get(), nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, copy_file_range(in_.get(), nullptr, -1, nullptr, 1, 0));
  Fd reader = OpenFile(Path("out"), O_RDONLY);
  EXPECT_ERRNO(EBADF, copy_file_range(in_.get(), nullptr, reader.get(), nullptr, 1, 0));
  Fd writer = OpenFile(Path("in"), O_WRONLY);
  EXPECT_ERRNO(EBADF, copy_file_range(writer.get(), nullptr, out_.get(), nullptr, 1, 0));
  Fd appender = OpenFile(Path("out"), O_WRONLY | O_APPEND);
  EXPECT_ERRNO(EBADF, copy_file_range(in_.get(), nullptr, appender.get(), nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 1, 77));
  EXPECT_ERRNO(EINVAL, copy_file_range(in_.get(), nullptr, pipe_writer_.get(), nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, copy_file_range(pipe_reader_.get(), nullptr, out_.get(), nullptr, 1, 0));
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(EISDIR, copy_file_range(directory.get(), nullptr, out_.get(), nullptr, 1, 0));
  off_t bad = -1;
  EXPECT_ERRNO(EOVERFLOW, copy_file_range(in_.get(), &bad, out_.get(), nullptr, 1, 0));
  bad = -5;
  EXPECT_ERRNO(EINVAL, copy_file_range(in_.get(), &bad, out_.get(), nullptr, 1, 0));
  auto* const nowhere = BadPointer<off_t>();
  EXPECT_ERRNO(EFAULT, copy_file_range(in_.get(), nowhere, out_.get(), nullptr, 1, 0));
  off_t last = std::numeric_limits<off_t>::max();
  EXPECT_ERRNO(OneOf(EOVERFLOW, EINVAL, EFBIG),
               copy_file_range(in_.get(), nullptr, out_.get(), &last, 5, 0));
  EXPECT_EQ(Output(), "");
}

TEST_F(CopyFileRangeTest, BetweenFileSystemsFailsWithExdev) {
  Fd memory(memfd_create("elsewhere", MFD_CLOEXEC));
  WriteAll(memory.get(), "data");
  ASSERT_EQ(lseek(memory.get(), 0, SEEK_SET), 0);
  EXPECT_ERRNO(EXDEV, copy_file_range(memory.get(), nullptr, out_.get(), nullptr, 4, 0));
  EXPECT_ERRNO(EXDEV, copy_file_range(in_.get(), nullptr, memory.get(), nullptr, 4, 0));
  Fd other(memfd_create("beside it", MFD_CLOEXEC));
  EXPECT_EQ(copy_file_range(memory.get(), nullptr, other.get(), nullptr, 4, 0), 4);
}

TEST_F(CopyFileRangeTest, BeyondTheFileSizeLimitFailsWithEfbig) {
  ExpectPassesInChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    ScopedSoftLimit limit(RLIMIT_FSIZE, 4);
    EXPECT_EQ(copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 10, 0), 4);
    EXPECT_ERRNO(EFBIG, copy_file_range(in_.get(), nullptr, out_.get(), nullptr, 6, 0));
  });
}

// Not provoked: EIO, ENOMEM, ENOSPC (needs a full file system), EPERM (an immutable file), ETXTBSY
// (swap files), EXDEV of copy_file_range (only between certain file systems).

// Errnos not provoked here: EIO, ENOMEM, ENOSPC (host conditions), EOVERFLOW of sendfile (only in
// 32-bit programs), ETXTBSY (swap files), EPERM (immutable files), EOPNOTSUPP (file systems that
// are not here).

}  // namespace
}  // namespace ukrun::compat_tests
