// pipe2(2): data, capacity, blocking, ends, packets. fifo_test.cc has the named ones.

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include <climits>
#include <thread>
#include <vector>

#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class PipeTest : public DeadlineTest {};

std::string Read(const Fd& fd, size_t size = 4096) {
  std::string text(size, '\0');
  const ssize_t length = read(fd.get(), text.data(), size);
  text.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return text;
}

ssize_t Write(const Fd& fd, const std::string& text) {
  return write(fd.get(), text.data(), text.size());
}

int Available(const Fd& fd) {
  int count = -1;
  EXPECT_EQ(ioctl(fd.get(), FIONREAD, &count), 0);
  return count;
}

TEST_F(PipeTest, DataComesOutInOrder) {
  Pipe pipe;
  EXPECT_EQ(Write(pipe.writer, "hello "), 6);
  EXPECT_EQ(Write(pipe.writer, "world"), 5);
  EXPECT_EQ(Read(pipe.reader, 3), "hel");
  EXPECT_EQ(Read(pipe.reader), "lo world");
}

TEST_F(PipeTest, DescriptorsAreTheLowestFreeOnesReaderFirst) {
  Pipe pipe;
  EXPECT_LT(pipe.reader.get(), pipe.writer.get());
  EXPECT_EQ(fcntl(pipe.reader.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(fcntl(pipe.writer.get(), F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST_F(PipeTest, FlagsSetBothDescriptors) {
  Pipe pipe(O_CLOEXEC | O_NONBLOCK);
  for (const Fd* end : {&pipe.reader, &pipe.writer}) {
    EXPECT_EQ(fcntl(end->get(), F_GETFD), FD_CLOEXEC);
    EXPECT_NE(fcntl(end->get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST_F(PipeTest, EachEndHasOneDirection) {
  Pipe pipe;
  char byte = 0;
  EXPECT_ERRNO(EBADF, write(pipe.reader.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, read(pipe.writer.get(), &byte, 1));
}

TEST_F(PipeTest, ReadOfAnEmptyPipeBlocksOrFailsWithEagain) {
  Pipe pipe(O_NONBLOCK);
  char byte = 0;
  EXPECT_ERRNO(EAGAIN, read(pipe.reader.get(), &byte, 1));
  ASSERT_EQ(fcntl(pipe.reader.get(), F_SETFL, 0), 0);
  const pid_t me = getpid();
  std::thread writer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    Write(pipe.writer, "x");
  });
  EXPECT_EQ(Read(pipe.reader), "x");
  writer.join();
}

TEST_F(PipeTest, EndOfFileComesWhenTheLastWriterIsClosed) {
  Pipe pipe;
  Fd second(dup(pipe.writer.get()));
  Write(pipe.writer, "rest");
  pipe.writer.Reset();
  const pid_t me = getpid();
  EXPECT_EQ(Read(pipe.reader), "rest");
  std::thread closer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    second.Reset();
  });
  EXPECT_EQ(Read(pipe.reader), "");
  EXPECT_EQ(Read(pipe.reader), "");
  closer.join();
}

TEST_F(PipeTest, WriteWithoutReadersFailsWithEpipeAndSigpipe) {
  Pipe pipe;
  pipe.reader.Reset();
  ScopedBlock block({SIGPIPE});
  EXPECT_ERRNO(EPIPE, Write(pipe.writer, "x"));
  const sigset_t set = SignalSet({SIGPIPE});
  siginfo_t info = {};
  const timespec now = {0, 0};
  EXPECT_EQ(sigtimedwait(&set, &info, &now), SIGPIPE);
  EXPECT_EQ(RunInChild([&] {
              signal(SIGPIPE, SIG_DFL);
              const sigset_t none = SignalSet({});
              sigprocmask(SIG_SETMASK, &none, nullptr);
              Write(pipe.writer, "x");
            }),
            "killed by 13");
}

TEST_F(PipeTest, BlockedWriterGetsEpipeWhenTheReaderGoes) {
  ScopedAction action(SIGPIPE, SIG_IGN);
  Pipe pipe;
  const std::string full(static_cast<size_t>(fcntl(pipe.writer.get(), F_GETPIPE_SZ)), 'x');
  ASSERT_EQ(Write(pipe.writer, full), static_cast<ssize_t>(full.size()));
  const pid_t me = getpid();
  std::thread closer([&] {
    EXPECT_TRUE(WaitUntilAsleep(me));
    pipe.reader.Reset();
  });
  EXPECT_ERRNO(EPIPE, Write(pipe.writer, "y"));
  closer.join();
}

TEST_F(PipeTest, CapacityIs64KiBAndWritesBeyondItBlock) {
  Pipe pipe(O_NONBLOCK);
  EXPECT_EQ(fcntl(pipe.writer.get(), F_GETPIPE_SZ), 65536);
  EXPECT_EQ(Write(pipe.writer, std::string(100'000, 'x')), 65536);
  EXPECT_ERRNO(EAGAIN, Write(pipe.writer, "y"));
  EXPECT_EQ(Read(pipe.reader, 4096).size(), 4096u);
  EXPECT_EQ(Write(pipe.writer, std::string(100'000, 'x')), 4096);
}

TEST_F(PipeTest, LargeWriteIsCompletedAsTheReaderReads) {
  Pipe pipe;
  const std::string data(1'000'000, 'z');
  std::thread writer([&] { EXPECT_EQ(Write(pipe.writer, data), 1'000'000); });
  size_t total = 0;
  while (total < data.size()) {
    total += Read(pipe.reader, 50'000).size();
  }
  EXPECT_EQ(total, data.size());
  writer.join();
}

TEST_F(PipeTest, CapacityCanBeChangedAndIsRoundedToAPowerOfTwoPages) {
  Pipe pipe(O_NONBLOCK);
  EXPECT_EQ(fcntl(pipe.writer.get(), F_SETPIPE_SZ, 100'000), 131'072);
  EXPECT_EQ(fcntl(pipe.reader.get(), F_GETPIPE_SZ), 131'072);
  EXPECT_EQ(fcntl(pipe.reader.get(), F_SETPIPE_SZ, 1), 4096);
  EXPECT_EQ(Write(pipe.writer, std::string(100'000, 'x')), 4096);
  EXPECT_EQ(fcntl(pipe.writer.get(), F_SETPIPE_SZ, 65'536), 65'536);
  EXPECT_EQ(Available(pipe.reader), 4096);
  EXPECT_EQ(Write(pipe.writer, std::string(100'000, 'x')), 61'440);
}

TEST_F(PipeTest, CapacityBelowTheContentFailsWithEbusy) {
  Pipe pipe;
  Write(pipe.writer, std::string(10'000, 'x'));
  EXPECT_ERRNO(EBUSY, fcntl(pipe.writer.get(), F_SETPIPE_SZ, 4096));
  EXPECT_ERRNO(EINVAL, fcntl(pipe.writer.get(), F_SETPIPE_SZ, 0x8000'0001));
  const Fd file(memfd_create("no pipe", MFD_CLOEXEC));
  EXPECT_ERRNO(EBADF, fcntl(file.get(), F_GETPIPE_SZ));
}

TEST_F(PipeTest, CapacityBeyondTheLimitNeedsPrivilege) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              Pipe pipe;
              CHILD_CHECK(fcntl(pipe.writer.get(), F_SETPIPE_SZ, 1 << 20) == 1 << 20);
              CHILD_CHECK_ERRNO(EPERM, fcntl(pipe.writer.get(), F_SETPIPE_SZ, 1 << 21));
            }),
            "exited 0");
}

TEST_F(PipeTest, SmallWritesAreNeverTornApart) {
  Pipe pipe;
  std::vector<std::thread> writers;
  for (char letter = 'a'; letter < 'e'; ++letter) {
    writers.emplace_back([&, letter] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(Write(pipe.writer, std::string(PIPE_BUF, letter)), PIPE_BUF);
      }
    });
  }
  int torn = 0;
  for (int i = 0; i < 200; ++i) {
    std::string block;
    while (block.size() < PIPE_BUF) {
      block += Read(pipe.reader, PIPE_BUF - block.size());
    }
    torn += block == std::string(PIPE_BUF, block[0]) ? 0 : 1;
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(torn, 0);
}

TEST_F(PipeTest, SmallNonblockingWriteIsAllOrNothing) {
  Pipe pipe(O_NONBLOCK);
  ASSERT_EQ(Write(pipe.writer, std::string(65536, 'x')), 65536);
  Read(pipe.reader, 100);  // A hundred bytes are free, but no whole page.
  EXPECT_ERRNO(EAGAIN, Write(pipe.writer, std::string(PIPE_BUF, 'y')));
}

TEST_F(PipeTest, FionreadCountsWhatIsThere) {
  Pipe pipe;
  EXPECT_EQ(Available(pipe.reader), 0);
  Write(pipe.writer, "12345");
  EXPECT_EQ(Available(pipe.reader), 5);
  Read(pipe.reader, 2);
  EXPECT_EQ(Available(pipe.reader), 3);
}

TEST_F(PipeTest, PacketModeKeepsWritesApart) {
  Pipe pipe(O_DIRECT);
  ASSERT_TRUE(pipe.reader.ok());
  Write(pipe.writer, "one");
  Write(pipe.writer, "three");
  EXPECT_EQ(Read(pipe.reader), "one");
  EXPECT_EQ(Read(pipe.reader, 2), "th");  // The rest of the packet is lost.
  Write(pipe.writer, "next");
  EXPECT_EQ(Read(pipe.reader), "next");
}

TEST_F(PipeTest, PacketLargerThanPipeBufIsSplit) {
  Pipe pipe(O_DIRECT);
  EXPECT_EQ(Write(pipe.writer, std::string(PIPE_BUF + 10, 'x')), PIPE_BUF + 10);
  EXPECT_EQ(Read(pipe.reader, 10'000).size(), size_t{PIPE_BUF});
  EXPECT_EQ(Read(pipe.reader, 10'000).size(), 10u);
}

TEST_F(PipeTest, VectorsAreGatheredAndScattered) {
  Pipe pipe;
  char first[] = "ab", second[] = "cde";
  const iovec out[2] = {{first, 2}, {second, 3}};
  EXPECT_EQ(writev(pipe.writer.get(), out, 2), 5);
  char left[3], right[3];
  const iovec in[2] = {{left, 3}, {right, 3}};
  EXPECT_EQ(readv(pipe.reader.get(), in, 2), 5);
  EXPECT_EQ(std::string(left, 3) + std::string(right, 2), "abcde");
}

TEST_F(PipeTest, EmptyReadsAndWritesReturnZero) {
  Pipe pipe;
  EXPECT_EQ(read(pipe.reader.get(), nullptr, 0), 0);
  EXPECT_EQ(write(pipe.writer.get(), "", 0), 0);
}

TEST_F(PipeTest, StatTellsAFifo) {
  Pipe pipe;
  struct stat reader = {}, writer = {};
  ASSERT_EQ(fstat(pipe.reader.get(), &reader), 0);
  ASSERT_EQ(fstat(pipe.writer.get(), &writer), 0);
  EXPECT_TRUE(S_ISFIFO(reader.st_mode));
  EXPECT_EQ(reader.st_mode & 0777, 0600u);
  EXPECT_EQ(reader.st_ino, writer.st_ino);
  EXPECT_EQ(reader.st_uid, geteuid());
  struct statfs system = {};
  ASSERT_EQ(fstatfs(pipe.reader.get(), &system), 0);
  EXPECT_EQ(system.f_type, 0x50495045);  // "PIPE"
}

TEST_F(PipeTest, ProcNamesThePipeAndOpensItAgain) {
  Pipe pipe;
  const std::string path = "/proc/self/fd/" + std::to_string(pipe.writer.get());
  char name[64] = {};
  ASSERT_GT(readlink(path.c_str(), name, sizeof(name) - 1), 0);
  struct stat status = {};
  fstat(pipe.writer.get(), &status);
  EXPECT_EQ(std::string(name), "pipe:[" + std::to_string(status.st_ino) + "]");
  const Fd again(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(again.ok());
  Write(pipe.writer, "x");
  EXPECT_EQ(Read(again), "x");
}

TEST_F(PipeTest, BadArgumentsAreRefused) {
  Pipe pipe;
  int ends[2];
  char byte = 0;
  EXPECT_ERRNO(EINVAL, pipe2(ends, 0x1));
  EXPECT_ERRNO(EFAULT, syscall(SYS_pipe2, 8, 0));
  EXPECT_ERRNO(ESPIPE, lseek(pipe.reader.get(), 0, SEEK_CUR));
  EXPECT_ERRNO(ESPIPE, pread(pipe.reader.get(), &byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, pwrite(pipe.writer.get(), &byte, 1, 0));
  EXPECT_ERRNO(EINVAL, ftruncate(pipe.writer.get(), 0));
  EXPECT_ERRNO(EINVAL, fsync(pipe.writer.get()));
  Write(pipe.writer, "x");
  EXPECT_ERRNO(EFAULT, syscall(SYS_read, pipe.reader.get(), 8, 1));
}

}  // namespace
}  // namespace compat

// Errnos not provoked here: EMFILE (descriptor families), ENFILE (a host condition).
