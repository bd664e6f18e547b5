// lseek(2), with holes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr off_t kOffsetMax = std::numeric_limits<off_t>::max();

class LseekTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), "0123456789");
    fd_ = OpenFile(Path("file"), O_RDWR);
  }

  Fd fd_;
};

TEST_F(LseekTest, CountsFromStartCurrentAndEnd) {
  EXPECT_EQ(lseek(fd_.get(), 4, SEEK_SET), 4);
  EXPECT_EQ(lseek(fd_.get(), -1, SEEK_CUR), 3);
  EXPECT_EQ(lseek(fd_.get(), -2, SEEK_END), 8);
  char byte = 0;
  EXPECT_EQ(read(fd_.get(), &byte, 1), 1);
  EXPECT_EQ(byte, '8');
}

TEST_F(LseekTest, MayGoBeyondTheEndWithoutChangingTheFile) {
  EXPECT_EQ(lseek(fd_.get(), 1000, SEEK_SET), 1000);
  EXPECT_EQ(lseek(fd_.get(), 1000, SEEK_END), 1010);
  EXPECT_EQ(FdStat(fd_.get()).st_size, 10);
}

TEST_F(LseekTest, BeforeTheStartFailsWithEinvalAndStays) {
  EXPECT_EQ(lseek(fd_.get(), 3, SEEK_SET), 3);
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), -1, SEEK_SET));
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), -4, SEEK_CUR));
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), -11, SEEK_END));
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), std::numeric_limits<off_t>::min(), SEEK_CUR));
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_CUR), 3);
}

TEST_F(LseekTest, OverflowFailsWithEinval) {
  EXPECT_EQ(lseek(fd_.get(), 3, SEEK_SET), 3);
  // The manual page says EOVERFLOW, which is for programs with 32-bit offsets.
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), kOffsetMax, SEEK_CUR));
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), kOffsetMax, SEEK_END));
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_CUR), 3);
}

TEST_F(LseekTest, UnknownWhenceFailsWithEinval) {
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), 0, 5));
  EXPECT_ERRNO(EINVAL, lseek(fd_.get(), 0, -1));
}

TEST_F(LseekTest, BadDescriptorFailsWithEbadf) {
  EXPECT_ERRNO(EBADF, lseek(-1, 0, SEEK_SET));
  EXPECT_ERRNO(EBADF, lseek(1'000'000, 0, SEEK_SET));
}

TEST_F(LseekTest, PipesAndSocketsFailWithEspipe) {
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(ESPIPE, lseek(ends[0], 0, SEEK_CUR));
  close(ends[0]);
  close(ends[1]);
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  EXPECT_ERRNO(ESPIPE, lseek(ends[0], 0, SEEK_CUR));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(LseekTest, DescriptorsOfEventsStayWhereTheyAre) {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Fd inotify(inotify_init1(IN_CLOEXEC));
  for (const int fd : {epoll.get(), inotify.get()}) {
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
    EXPECT_EQ(lseek(fd, 5, SEEK_SET), 0);
  }
}

TEST_F(LseekTest, DeviceFilesMayBeSought) {
  Fd null = OpenFile("/dev/null", O_RDWR);
  EXPECT_OK(lseek(null.get(), 5, SEEK_SET));
}

TEST_F(LseekTest, DataAndHoleOfADenseFile) {
  EXPECT_EQ(lseek(fd_.get(), 3, SEEK_DATA), 3);
  EXPECT_EQ(lseek(fd_.get(), 3, SEEK_HOLE), 10);
  EXPECT_ERRNO(ENXIO, lseek(fd_.get(), 10, SEEK_DATA));
  EXPECT_ERRNO(ENXIO, lseek(fd_.get(), 10, SEEK_HOLE));
  EXPECT_ERRNO(ENXIO, lseek(fd_.get(), 11, SEEK_HOLE));
  EXPECT_ERRNO(OneOf(ENXIO, EINVAL), lseek(fd_.get(), -1, SEEK_DATA));
}

TEST_F(LseekTest, DataAndHoleOfASparseFile) {
  // A megabyte of hole, data, a megabyte of hole. A file system may report less hole than there
  // is, never data as hole.
  const off_t megabyte = 1 << 20;
  Fd fd = OpenFile(Path("sparse"), O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(fd.get(), 3 * megabyte));
  const std::string data(megabyte, 'd');
  ASSERT_EQ(pwrite(fd.get(), data.data(), data.size(), megabyte), megabyte);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_HOLE), 0);
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_DATA), megabyte);
  EXPECT_EQ(lseek(fd.get(), megabyte, SEEK_DATA), megabyte);
  EXPECT_EQ(lseek(fd.get(), megabyte + 5, SEEK_DATA), megabyte + 5);
  EXPECT_EQ(lseek(fd.get(), megabyte, SEEK_HOLE), 2 * megabyte);
  EXPECT_ERRNO(ENXIO, lseek(fd.get(), 2 * megabyte, SEEK_DATA));
  EXPECT_EQ(lseek(fd.get(), 2 * megabyte + 7, SEEK_HOLE), 2 * megabyte + 7);
}

TEST_F(LseekTest, EmptyFileHasNeitherDataNorHole) {
  WriteFile(Path("empty"), "");
  Fd fd = OpenFile(Path("empty"), O_RDONLY);
  EXPECT_ERRNO(ENXIO, lseek(fd.get(), 0, SEEK_DATA));
  EXPECT_ERRNO(ENXIO, lseek(fd.get(), 0, SEEK_HOLE));
}

TEST_F(LseekTest, HostFilesCanBeSoughtToo) {
  Fd fd = OpenFile("/bin/sh", O_RDONLY);
  const off_t size = FdStat(fd.get()).st_size;
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_END), size);
  EXPECT_EQ(lseek(fd.get(), 1, SEEK_SET), 1);
  char magic[3];
  EXPECT_EQ(read(fd.get(), magic, 3), 3);
  EXPECT_EQ(std::string(magic, 3), "ELF");
}

// Errnos not provoked here: EOVERFLOW (only in 32-bit programs).

}  // namespace
}  // namespace ukrun::compat_tests
