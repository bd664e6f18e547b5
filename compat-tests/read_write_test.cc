// read(2), write(2) and their relatives on regular files. Seeking is in lseek_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/save_restore.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPageSize = 4096;
constexpr off_t kOffsetMax = std::numeric_limits<off_t>::max();

iovec Piece(void* base, size_t length) { return {.iov_base = base, .iov_len = length}; }

// Two pages of which the second cannot be touched: the last bytes of the first are where a
// transfer has to stop half-way.
class HalfReadableBuffer {
 public:
  HalfReadableBuffer()
      : base_(static_cast<char*>(mmap(nullptr, 2 * kPageSize, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    memset(base_, 'b', kPageSize);
    EXPECT_OK(mprotect(base_ + kPageSize, kPageSize, PROT_NONE));
  }
  HalfReadableBuffer(const HalfReadableBuffer&) = delete;
  HalfReadableBuffer& operator=(const HalfReadableBuffer&) = delete;
  ~HalfReadableBuffer() { munmap(base_, 2 * kPageSize); }

  char* begin() { return base_; }
  char* hole() { return base_ + kPageSize; }

 private:
  char* base_;
};

class ReadWriteTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "0123456789");
    fd_ = OpenFile(Path("file"), O_RDWR);
  }

  std::string Content() const { return ReadFile(Path("file")); }
  off_t Offset() const { return lseek(fd_.get(), 0, SEEK_CUR); }

  Fd fd_;
};

TEST_F(ReadWriteTest, ReadAdvancesTheOffsetAndStopsAtTheEnd) {
  char buffer[8] = {};
  EXPECT_EQ(read(fd_.get(), buffer, 8), 8);
  EXPECT_EQ(std::string(buffer, 8), "01234567");
  EXPECT_EQ(Offset(), 8);
  EXPECT_EQ(read(fd_.get(), buffer, 8), 2);
  EXPECT_EQ(Offset(), 10);
  EXPECT_EQ(read(fd_.get(), buffer, 8), 0);
  EXPECT_EQ(Offset(), 10);
}

TEST_F(ReadWriteTest, ReadBeyondTheEndReturnsZero) {
  char byte = 'x';
  EXPECT_EQ(lseek(fd_.get(), 1000, SEEK_SET), 1000);
  EXPECT_EQ(read(fd_.get(), &byte, 1), 0);
  EXPECT_EQ(byte, 'x');
}

TEST_F(ReadWriteTest, WriteOverwritesAndExtends) {
  EXPECT_EQ(lseek(fd_.get(), 8, SEEK_SET), 8);
  EXPECT_EQ(write(fd_.get(), "abcd", 4), 4);
  EXPECT_EQ(Offset(), 12);
  EXPECT_EQ(Content(), "01234567abcd");
}

TEST_F(ReadWriteTest, WriteBeyondTheEndFillsTheGapWithZeros) {
  EXPECT_EQ(lseek(fd_.get(), 12, SEEK_SET), 12);
  EXPECT_EQ(write(fd_.get(), "x", 1), 1);
  EXPECT_EQ(Content(), std::string("0123456789\0\0x", 13));
}

TEST_F(ReadWriteTest, ZeroBytesDoNothing) {
  EXPECT_EQ(lseek(fd_.get(), 50, SEEK_SET), 50);
  EXPECT_EQ(write(fd_.get(), "", 0), 0);
  EXPECT_EQ(read(fd_.get(), nullptr, 0), 0);
  EXPECT_EQ(FdStat(fd_.get()).st_size, 10);
}

TEST_F(ReadWriteTest, PositionedCallsLeaveTheOffsetAlone) {
  char buffer[3] = {};
  EXPECT_EQ(pread(fd_.get(), buffer, 3, 4), 3);
  EXPECT_EQ(std::string(buffer, 3), "456");
  EXPECT_EQ(pwrite(fd_.get(), "ab", 2, 9), 2);
  EXPECT_EQ(Offset(), 0);
  EXPECT_EQ(Content(), "012345678ab");
  EXPECT_EQ(pread(fd_.get(), buffer, 3, 100), 0);
}

TEST_F(ReadWriteTest, PositionedWriteInAppendModeAppends) {
  // As pwrite(2) says under BUGS: O_APPEND wins over the offset.
  Fd appender = OpenFile(Path("file"), O_WRONLY | O_APPEND);
  EXPECT_EQ(pwrite(appender.get(), "ab", 2, 0), 2);
  EXPECT_EQ(Content(), "0123456789ab");
}

TEST_F(ReadWriteTest, LargeTransfersComeBackUnchanged) {
  std::string pattern(3'000'017, '\0');
  for (size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = static_cast<char>(i * 31 + i / 4096);
  }
  ASSERT_EQ(write(fd_.get(), pattern.data(), pattern.size()), static_cast<ssize_t>(pattern.size()));
  EXPECT_TRUE(Content() == pattern);
  std::string middle(1'000'001, '\0');
  ASSERT_EQ(pread(fd_.get(), middle.data(), middle.size(), 1'234'567),
            static_cast<ssize_t>(middle.size()));
  EXPECT_TRUE(middle == pattern.substr(1'234'567, middle.size()));
}

TEST_F(ReadWriteTest, VectorsScatterAndGather) {
  char first[2] = {};
  char second[1] = {};
  char third[20] = {};
  const iovec in[] = {Piece(first, 2), Piece(nullptr, 0), Piece(second, 1), Piece(third, 20)};
  EXPECT_EQ(readv(fd_.get(), in, 4), 10);
  EXPECT_EQ(std::string(first, 2) + "|" + std::string(second, 1) + "|" + std::string(third, 7),
            "01|2|3456789");
  char word[] = "xyz";
  const iovec out[] = {Piece(word, 1), Piece(word + 1, 2)};
  EXPECT_EQ(writev(fd_.get(), out, 2), 3);
  EXPECT_EQ(Content(), "0123456789xyz");
  EXPECT_EQ(pwritev(fd_.get(), out, 2, 1), 3);
  EXPECT_EQ(Content(), "0xyz456789xyz");
  EXPECT_EQ(preadv(fd_.get(), in, 3, 2), 3);
  EXPECT_EQ(std::string(first, 2) + std::string(second, 1), "yz4");
  EXPECT_EQ(Offset(), 13);
}

TEST_F(ReadWriteTest, VectorOfNothingReturnsZero) {
  EXPECT_EQ(readv(fd_.get(), nullptr, 0), 0);
  EXPECT_EQ(writev(fd_.get(), nullptr, 0), 0);
}

TEST_F(ReadWriteTest, VectorLimits) {
  char byte = 0;
  std::vector<iovec> many(IOV_MAX + 1, Piece(&byte, 1));
  EXPECT_EQ(readv(fd_.get(), many.data(), IOV_MAX), 10);
  EXPECT_ERRNO(EINVAL, readv(fd_.get(), many.data(), IOV_MAX + 1));
  EXPECT_ERRNO(EINVAL, writev(fd_.get(), many.data(), -1));
  const iovec negative[] = {Piece(&byte, std::numeric_limits<size_t>::max())};
  EXPECT_ERRNO(EINVAL, readv(fd_.get(), negative, 1));
  EXPECT_ERRNO(EFAULT, writev(fd_.get(), BadPointer<const iovec>(), 1));
}

TEST_F(ReadWriteTest, Version2UsesTheFileOffsetForMinusOne) {
  char buffer[4] = {};
  const iovec piece = Piece(buffer, 4);
  EXPECT_EQ(preadv2(fd_.get(), &piece, 1, -1, 0), 4);
  EXPECT_EQ(std::string(buffer, 4), "0123");
  EXPECT_EQ(Offset(), 4);
  EXPECT_EQ(pwritev2(fd_.get(), &piece, 1, -1, 0), 4);
  EXPECT_EQ(Content(), "0123012389");
  EXPECT_EQ(preadv2(fd_.get(), &piece, 1, 8, 0), 2);
  EXPECT_EQ(Offset(), 8);
}

TEST_F(ReadWriteTest, Version2Flags) {
  char buffer[2] = {'a', 'b'};
  const iovec piece = Piece(buffer, 2);
  EXPECT_EQ(pwritev2(fd_.get(), &piece, 1, 0, RWF_APPEND), 2);
  EXPECT_EQ(Content(), "0123456789ab");
  EXPECT_EQ(pwritev2(fd_.get(), &piece, 1, 0, RWF_SYNC), 2);
  EXPECT_EQ(pwritev2(fd_.get(), &piece, 1, 0, RWF_DSYNC), 2);
  EXPECT_EQ(preadv2(fd_.get(), &piece, 1, 0, RWF_HIPRI), 2);
  const ssize_t nowait = preadv2(fd_.get(), &piece, 1, 0, RWF_NOWAIT);
  EXPECT_TRUE(nowait == 2 || (nowait == -1 && (errno == EAGAIN || errno == EOPNOTSUPP)));
  EXPECT_ERRNO(EOPNOTSUPP, preadv2(fd_.get(), &piece, 1, 0, 0x40000000));
}

TEST_F(ReadWriteTest, WrongDescriptorsFailWithEbadf) {
  char byte = 0;
  const iovec piece = Piece(&byte, 1);
  EXPECT_ERRNO(EBADF, read(-1, &byte, 1));
  EXPECT_ERRNO(EBADF, write(-1, &byte, 1));
  EXPECT_ERRNO(EBADF, pread(-1, &byte, 1, 0));
  EXPECT_ERRNO(EBADF, readv(-1, &piece, 1));
  Fd reader = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(EBADF, write(reader.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, pwrite(reader.get(), &byte, 1, 0));
  EXPECT_ERRNO(EBADF, writev(reader.get(), &piece, 1));
  Fd writer = OpenFile(Path("file"), O_WRONLY);
  EXPECT_ERRNO(EBADF, read(writer.get(), &byte, 1));
  EXPECT_ERRNO(EBADF, pread(writer.get(), &byte, 1, 0));
  EXPECT_ERRNO(EBADF, readv(writer.get(), &piece, 1));
  const int closed = writer.get();
  writer.Close();
  EXPECT_ERRNO(EBADF, write(closed, &byte, 1));
}

TEST_F(ReadWriteTest, NegativeOffsetsFailWithEinval) {
  char byte = 0;
  const iovec piece = Piece(&byte, 1);
  EXPECT_ERRNO(EINVAL, pread(fd_.get(), &byte, 1, -1));
  EXPECT_ERRNO(EINVAL, pwrite(fd_.get(), &byte, 1, -1));
  EXPECT_ERRNO(EINVAL, preadv(fd_.get(), &piece, 1, -1));
  EXPECT_ERRNO(EINVAL, pwritev2(fd_.get(), &piece, 1, -2, 0));
  EXPECT_ERRNO(EINVAL, pread(fd_.get(), &byte, 1, std::numeric_limits<off_t>::min()));
}

TEST_F(ReadWriteTest, OffsetsNearTheMaximumNeverWrapAround) {
  char bytes[16] = {};
  EXPECT_ERRNO(OneOf(EINVAL, EOVERFLOW, EFBIG), pwrite(fd_.get(), bytes, 16, kOffsetMax));
  EXPECT_ERRNO(OneOf(EINVAL, EOVERFLOW, EFBIG), pwrite(fd_.get(), bytes, 16, kOffsetMax - 8));
  EXPECT_ERRNO(OneOf(EINVAL, EOVERFLOW), pread(fd_.get(), bytes, 16, kOffsetMax - 8));
  EXPECT_EQ(pread(fd_.get(), bytes, 16, kOffsetMax - 16), 0);
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(ReadWriteTest, SparseFilesMayBeHuge) {
  const off_t far = off_t{1} << 42;
  ASSERT_EQ(pwrite(fd_.get(), "far", 3, far), 3);
  EXPECT_EQ(FdStat(fd_.get()).st_size, far + 3);
  EXPECT_LT(FdStat(fd_.get()).st_blocks, 1 << 16);
  char bytes[6] = {};
  EXPECT_EQ(pread(fd_.get(), bytes, 6, far - 3), 6);
  EXPECT_EQ(std::string(bytes, 6), std::string("\0\0\0far", 6));
  ASSERT_OK(ftruncate(fd_.get(), 10));
}

TEST_F(ReadWriteTest, BadPointersFailWithEfault) {
  auto* const bad = BadPointer<void>();
  EXPECT_ERRNO(EFAULT, read(fd_.get(), bad, 4));
  EXPECT_ERRNO(EFAULT, write(fd_.get(), bad, 4));
  EXPECT_ERRNO(EFAULT, pread(fd_.get(), bad, 4, 0));
  EXPECT_ERRNO(EFAULT, pwrite(fd_.get(), bad, 4, 0));
  const iovec piece = Piece(bad, 4);
  EXPECT_ERRNO(EFAULT, readv(fd_.get(), &piece, 1));
  EXPECT_ERRNO(EFAULT, writev(fd_.get(), &piece, 1));
  EXPECT_EQ(Offset(), 0);
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(ReadWriteTest, CountThatLeavesTheAddressSpaceFails) {
  char byte = 0;
  const size_t huge = std::numeric_limits<size_t>::max() - 5;
  EXPECT_ERRNO(OneOf(EFAULT, EINVAL), syscall(SYS_read, fd_.get(), &byte, huge));
  EXPECT_ERRNO(OneOf(EFAULT, EINVAL), syscall(SYS_write, fd_.get(), &byte, huge));
}

TEST_F(ReadWriteTest, TransferStopsWhereMemoryEnds) {
  WriteFile(Path("file"), std::string(2 * kPageSize, 'f'));
  HalfReadableBuffer buffer;
  const ssize_t got = read(fd_.get(), buffer.begin(), 2 * kPageSize);
  EXPECT_EQ(got, static_cast<ssize_t>(kPageSize));
  EXPECT_EQ(Offset(), static_cast<off_t>(kPageSize));
  EXPECT_EQ(buffer.begin()[kPageSize - 1], 'f');
  EXPECT_ERRNO(EFAULT, read(fd_.get(), buffer.hole(), 1));
  Fd out = OpenFile(Path("out"), O_RDWR | O_CREAT);
  EXPECT_EQ(write(out.get(), buffer.begin(), 2 * kPageSize), static_cast<ssize_t>(kPageSize));
  EXPECT_EQ(FdStat(out.get()).st_size, static_cast<off_t>(kPageSize));
}

TEST_F(ReadWriteTest, VectorStopsAtItsBadPiece) {
  HalfReadableBuffer buffer;
  const iovec pieces[] = {Piece(buffer.begin(), 4), Piece(buffer.hole(), 4)};
  EXPECT_EQ(readv(fd_.get(), pieces, 2), 4);
  EXPECT_EQ(Offset(), 4);
  EXPECT_EQ(std::string(buffer.begin(), 4), "0123");
  EXPECT_EQ(pwritev(fd_.get(), pieces, 2, 10), 4);
  EXPECT_EQ(Content(), "01234567890123");
}

TEST_F(ReadWriteTest, FileSizeLimitCutsAWriteThenFailsWithEfbigAndSigxfsz) {
  ExpectPassesInChild([&] {
    static volatile sig_atomic_t signals = 0;
    ScopedSignalHandler handler(SIGXFSZ, [](int) { signals = signals + 1; });
    ScopedSoftLimit limit(RLIMIT_FSIZE, 12);
    EXPECT_EQ(lseek(fd_.get(), 0, SEEK_END), 10);
    EXPECT_EQ(write(fd_.get(), "abcd", 4), 2);
    EXPECT_EQ(signals, 0);
    EXPECT_ERRNO(EFBIG, write(fd_.get(), "c", 1));
    EXPECT_EQ(signals, 1);
    // What lies below the limit can still be changed.
    EXPECT_EQ(pwrite(fd_.get(), "A", 1, 0), 1);
  });
  EXPECT_EQ(Content(), "A123456789ab");
}

TEST_F(ReadWriteTest, OffsetIsSharedWithForkedChildren) {
  ExpectPassesInChild([&] {
    char buffer[4];
    EXPECT_EQ(read(fd_.get(), buffer, 4), 4);
  });
  EXPECT_EQ(Offset(), 4);
}

TEST_F(ReadWriteTest, SyncCallsSucceedOnFilesAndFailOnPipes) {
  EXPECT_OK(fsync(fd_.get()));
  EXPECT_OK(fdatasync(fd_.get()));
  EXPECT_OK(syncfs(fd_.get()));
  EXPECT_OK(sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
  EXPECT_ERRNO(EBADF, fsync(-1));
  EXPECT_ERRNO(EINVAL, sync_file_range(fd_.get(), -1, 0, SYNC_FILE_RANGE_WRITE));
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(EINVAL, fsync(ends[1]));
  EXPECT_ERRNO(EINVAL, fdatasync(ends[1]));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(ReadWriteTest, AdviceAndReadaheadAreAccepted) {
  EXPECT_EQ(posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL), 0);
  EXPECT_EQ(posix_fadvise(fd_.get(), 0, 100, POSIX_FADV_WILLNEED), 0);
  EXPECT_EQ(posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_EQ(posix_fadvise(fd_.get(), 0, 0, 77), EINVAL);
  EXPECT_EQ(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL), EBADF);
  EXPECT_EQ(Content(), "0123456789");
}

TEST_F(ReadWriteTest, PipesHavePositionsOnlyForThoseWhoAskNot) {
  int ends[2];
  ASSERT_OK(pipe(ends));
  char byte = 0;
  const iovec piece = Piece(&byte, 1);
  EXPECT_ERRNO(ESPIPE, pread(ends[0], &byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, pwrite(ends[1], &byte, 1, 0));
  EXPECT_ERRNO(ESPIPE, preadv(ends[0], &piece, 1, 0));
  EXPECT_EQ(posix_fadvise(ends[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
  close(ends[0]);
  close(ends[1]);
}

// Not provoked: EDQUOT, ENOSPC (need a full file system: see the test of --upper-size), EIO (needs
// a failing disk), EAGAIN, EINTR, EPIPE and EDESTADDRREQ (never for regular files: see the tests of
// pipes and sockets), EISDIR is in directory_test.cc, EPERM by a seal in memfd_test.cc, ETXTBSY
// (only swap files).

}  // namespace
}  // namespace ukrun::compat_tests
