// splice(2), tee(2) and vmsplice(2): moving data through pipes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_OK(pipe2(ends, O_CLOEXEC));
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }

  // What is in it now, which must not be nothing.
  std::string Drain() const {
    char buffer[65536];
    const ssize_t count = read(reader.get(), buffer, sizeof(buffer));
    EXPECT_OK(count);
    return count < 0 ? std::string() : std::string(buffer, static_cast<size_t>(count));
  }

  Fd reader;
  Fd writer;
};

class SpliceTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("in"), "0123456789");
    in_ = OpenFile(Path("in"), O_RDWR);
    out_ = OpenFile(Path("out"), O_RDWR | O_CREAT);
  }

  Fd in_;
  Fd out_;
  Pipe pipe_;
  Pipe second_;
};

TEST_F(SpliceTest, MovesFromFileThroughPipeToFile) {
  EXPECT_EQ(splice(in_.get(), nullptr, pipe_.writer.get(), nullptr, 6, 0), 6);
  EXPECT_EQ(lseek(in_.get(), 0, SEEK_CUR), 6);
  EXPECT_EQ(splice(pipe_.reader.get(), nullptr, out_.get(), nullptr, 100, 0), 6);
  EXPECT_EQ(ReadFile(Path("out")), "012345");
}

TEST_F(SpliceTest, UsesAndUpdatesGivenOffsets) {
  off_t from = 4;
  EXPECT_EQ(splice(in_.get(), &from, pipe_.writer.get(), nullptr, 3, 0), 3);
  EXPECT_EQ(from, 7);
  EXPECT_EQ(lseek(in_.get(), 0, SEEK_CUR), 0);
  off_t to = 2;
  EXPECT_EQ(splice(pipe_.reader.get(), nullptr, out_.get(), &to, 3, 0), 3);
  EXPECT_EQ(to, 5);
  EXPECT_EQ(ReadFile(Path("out")), std::string("\0\0", 2) + "456");
}

TEST_F(SpliceTest, AtTheEndOfTheFileReturnsZero) {
  off_t from = 10;
  EXPECT_EQ(splice(in_.get(), &from, pipe_.writer.get(), nullptr, 5, 0), 0);
}

TEST_F(SpliceTest, ClosedWriterReturnsZero) {
  pipe_.writer.Close();
  EXPECT_EQ(splice(pipe_.reader.get(), nullptr, out_.get(), nullptr, 5, 0), 0);
}

TEST_F(SpliceTest, ConnectsPipesAndSockets) {
  WriteAll(pipe_.writer.get(), "hello world");
  EXPECT_EQ(splice(pipe_.reader.get(), nullptr, second_.writer.get(), nullptr, 5, 0), 5);
  EXPECT_EQ(second_.Drain(), "hello");
  EXPECT_EQ(pipe_.Drain(), " world");
  int ends[2];
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  ASSERT_EQ(write(ends[0], "socket", 6), 6);
  EXPECT_EQ(splice(ends[1], nullptr, pipe_.writer.get(), nullptr, 100, 0), 6);
  EXPECT_EQ(splice(pipe_.reader.get(), nullptr, ends[1], nullptr, 6, 0), 6);
  char buffer[8];
  EXPECT_EQ(read(ends[0], buffer, sizeof(buffer)), 6);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(SpliceTest, WaitsForDataUnlessToldNotTo) {
  EXPECT_ERRNO(EAGAIN,
               splice(pipe_.reader.get(), nullptr, out_.get(), nullptr, 5, SPLICE_F_NONBLOCK));
  Child child(
      [&] { EXPECT_EQ(splice(pipe_.reader.get(), nullptr, out_.get(), nullptr, 5, 0), 5); });
  WaitUntilAsleep(child.pid());
  WriteAll(pipe_.writer.get(), "later");
  EXPECT_TRUE(child.Passes());
  EXPECT_EQ(ReadFile(Path("out")), "later");
}

TEST_F(SpliceTest, WholePipeFitsThrough) {
  const std::string content(200'000, 's');
  WriteFile(Path("in"), content);
  Child mover([&] {
    pipe_.reader.Close();
    ssize_t count = 1;
    while (count > 0) {
      count = splice(in_.get(), nullptr, pipe_.writer.get(), nullptr, 65536, SPLICE_F_MORE);
      EXPECT_OK(count);
    }
  });
  pipe_.writer.Close();
  EXPECT_TRUE(ReadAll(pipe_.reader.get()) == content);
  EXPECT_TRUE(mover.Passes());
}

TEST_F(SpliceTest, ErrorsOfSplice) {
  const int reader = pipe_.reader.get();
  const int writer = pipe_.writer.get();
  WriteAll(writer, "data");
  EXPECT_ERRNO(EBADF, splice(-1, nullptr, writer, nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, splice(reader, nullptr, -1, nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, splice(writer, nullptr, out_.get(), nullptr, 1, 0));
  EXPECT_ERRNO(EBADF, splice(in_.get(), nullptr, reader, nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, splice(in_.get(), nullptr, out_.get(), nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, splice(reader, nullptr, writer, nullptr, 1, 0));
  EXPECT_ERRNO(EINVAL, splice(in_.get(), nullptr, writer, nullptr, 1, 0x40));
  Fd appender = OpenFile(Path("out"), O_WRONLY | O_APPEND);
  EXPECT_ERRNO(EINVAL, splice(reader, nullptr, appender.get(), nullptr, 1, 0));
  off_t offset = 0;
  EXPECT_ERRNO(ESPIPE, splice(reader, &offset, out_.get(), nullptr, 1, 0));
  EXPECT_ERRNO(ESPIPE, splice(in_.get(), nullptr, writer, &offset, 1, 0));
  EXPECT_ERRNO(EFAULT, splice(in_.get(), BadPointer<off_t>(), writer, nullptr, 1, 0));
  EXPECT_EQ(splice(in_.get(), nullptr, writer, nullptr, 0, 0), 0);
  EXPECT_EQ(pipe_.Drain(), "data");
}

TEST_F(SpliceTest, OffsetOfWhatHasNoneFailsWithEinvalUnlessItIsAPipe) {
  int ends[2];
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  Fd first(ends[0]);
  Fd second(ends[1]);
  WriteAll(pipe_.writer.get(), "data");
  WriteAll(second.get(), "data");
  off_t offset = 0;
  EXPECT_ERRNO(EINVAL, splice(first.get(), &offset, pipe_.writer.get(), nullptr, 4, 0));
  EXPECT_ERRNO(EINVAL, splice(pipe_.reader.get(), nullptr, first.get(), &offset, 4, 0));
  EXPECT_EQ(offset, 0);
  offset = -1;
  EXPECT_ERRNO(EINVAL, splice(in_.get(), &offset, pipe_.writer.get(), nullptr, 4, 0));
  EXPECT_ERRNO(EINVAL, splice(pipe_.reader.get(), nullptr, out_.get(), &offset, 4, 0));
  EXPECT_EQ(pipe_.Drain(), "data");
}

TEST_F(SpliceTest, DirectoriesCannotBeSpliced) {
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(EINVAL, splice(directory.get(), nullptr, pipe_.writer.get(), nullptr, 1, 0));
}

class TeeTest : public SpliceTest {};

TEST_F(TeeTest, DuplicatesWithoutConsuming) {
  WriteAll(pipe_.writer.get(), "twice");
  EXPECT_EQ(tee(pipe_.reader.get(), second_.writer.get(), 100, 0), 5);
  EXPECT_EQ(second_.Drain(), "twice");
  EXPECT_EQ(tee(pipe_.reader.get(), second_.writer.get(), 2, 0), 2);
  EXPECT_EQ(second_.Drain(), "tw");
  EXPECT_EQ(pipe_.Drain(), "twice");
}

TEST_F(TeeTest, EmptyPipeEndsOrFailsWithEagain) {
  EXPECT_ERRNO(EAGAIN, tee(pipe_.reader.get(), second_.writer.get(), 5, SPLICE_F_NONBLOCK));
  pipe_.writer.Close();
  EXPECT_EQ(tee(pipe_.reader.get(), second_.writer.get(), 5, 0), 0);
}

TEST_F(TeeTest, ErrorsOfTee) {
  WriteAll(pipe_.writer.get(), "x");
  EXPECT_ERRNO(EINVAL, tee(pipe_.reader.get(), out_.get(), 1, 0));
  EXPECT_ERRNO(EINVAL, tee(in_.get(), second_.writer.get(), 1, 0));
  EXPECT_ERRNO(EINVAL, tee(pipe_.reader.get(), pipe_.writer.get(), 1, 0));
  EXPECT_ERRNO(EINVAL, tee(pipe_.reader.get(), second_.writer.get(), 1, 0x40));
  EXPECT_ERRNO(EBADF, tee(-1, second_.writer.get(), 1, 0));
}

TEST_F(TeeTest, VmspliceWritesAndReadsMemory) {
  char text[] = "memory";
  const iovec out = {.iov_base = text, .iov_len = 6};
  EXPECT_EQ(vmsplice(pipe_.writer.get(), &out, 1, 0), 6);
  char back[16] = {};
  const iovec in = {.iov_base = back, .iov_len = sizeof(back)};
  EXPECT_EQ(vmsplice(pipe_.reader.get(), &in, 1, 0), 6);
  EXPECT_EQ(std::string(back), "memory");
  EXPECT_ERRNO(EBADF, vmsplice(-1, &out, 1, 0));
  EXPECT_ERRNO(EBADF, vmsplice(in_.get(), &out, 1, 0));
  EXPECT_ERRNO(EINVAL, vmsplice(pipe_.writer.get(), &out, 1, 0x40));
}

// Not provoked: ENOMEM.

TEST_F(TeeTest, ErrorsOfVmsplice) {
  const iovec nothing = {nullptr, 0};
  const iovec one = {const_cast<char*>("x"), 1};
  EXPECT_ERRNO(EBADF, vmsplice(-1, &one, 1, 0));
  EXPECT_ERRNO(EBADF, vmsplice(in_.get(), &one, 1, 0));
  EXPECT_ERRNO(EINVAL, vmsplice(pipe_.writer.get(), &one, 1, 0x100));
  EXPECT_ERRNO(EINVAL, vmsplice(pipe_.writer.get(), &one, 1025, 0));
  EXPECT_ERRNO(EFAULT, vmsplice(pipe_.writer.get(), BadPointer<iovec>(), 1, 0));
  // The vector is looked at first: there is nothing to say about the file when it is empty.
  EXPECT_EQ(vmsplice(in_.get(), &nothing, 1, 0), 0);
  EXPECT_ERRNO(EINVAL, vmsplice(in_.get(), &one, 1025, 0));
  while (vmsplice(pipe_.writer.get(), &one, 1, SPLICE_F_NONBLOCK) == 1) {
  }
  EXPECT_ERRNO(EAGAIN, vmsplice(pipe_.writer.get(), &one, 1, SPLICE_F_NONBLOCK));
}

// Errnos not provoked here: ENOMEM (a host condition).

}  // namespace
}  // namespace ukrun::compat_tests
