// The devices that every program expects: null, zero, full, random, urandom, tty.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/mapping.h"
#include "compat-tests/util/process.h"

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPage = 4096;

TEST(DeviceNodeTest, HaveTheirWellKnownNumbersAndCanBeUsedByAll) {
  const struct {
    const char* path;
    unsigned major;
    unsigned minor;
  } devices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                 {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  for (const auto& device : devices) {
    const struct stat status = Stat(device.path);
    EXPECT_TRUE(S_ISCHR(status.st_mode)) << device.path;
    EXPECT_EQ(status.st_rdev, makedev(device.major, device.minor)) << device.path;
    EXPECT_EQ(status.st_mode & 0666u, 0666u) << device.path;
    EXPECT_EQ(status.st_uid, 0u) << device.path;
  }
}

TEST(DeviceNodeTest, StandardStreamLinksLeadToProc) {
  EXPECT_EQ(ReadLink("/dev/fd"), "/proc/self/fd");
  EXPECT_EQ(ReadLink("/dev/stdin"), "/proc/self/fd/0");
  EXPECT_EQ(ReadLink("/dev/stdout"), "/proc/self/fd/1");
  EXPECT_EQ(ReadLink("/dev/stderr"), "/proc/self/fd/2");
  int ends[2];
  ASSERT_OK(pipe2(ends, O_CLOEXEC));
  ASSERT_EQ(write(ends[1], "through", 7), 7);
  close(ends[1]);
  EXPECT_EQ(ReadFile(("/dev/fd/" + std::to_string(ends[0])).c_str()), "through");
  close(ends[0]);
}

TEST(DeviceNodeTest, SharedMemoryDirectoryIsWritable) {
  const struct stat status = Stat("/dev/shm");
  EXPECT_TRUE(S_ISDIR(status.st_mode));
  EXPECT_EQ(PermissionBits(status), 01777u);
  const std::string name = "/compat-" + std::to_string(getpid());
  Fd fd(shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  ASSERT_OK(fd.get());
  ASSERT_OK(ftruncate(fd.get(), kPage));
  Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  map[0] = 'x';
  EXPECT_TRUE(Exists(("/dev/shm" + name).c_str()));
  EXPECT_OK(shm_unlink(name.c_str()));
}

TEST(NullDeviceTest, ReadsNothingAndSwallowsEverything) {
  Fd fd = OpenFile("/dev/null", O_RDWR);
  char buffer[16] = {};
  EXPECT_EQ(read(fd.get(), buffer, sizeof(buffer)), 0);
  EXPECT_EQ(write(fd.get(), buffer, sizeof(buffer)), 16);
  const std::string megabyte(1 << 20, 'x');
  EXPECT_EQ(write(fd.get(), megabyte.data(), megabyte.size()), 1 << 20);
  EXPECT_EQ(FdStat(fd.get()).st_size, 0);
}

TEST(NullDeviceTest, SeeksTruncatesAndPollsReady) {
  Fd fd = OpenFile("/dev/null", O_RDWR | O_CREAT | O_TRUNC);
  EXPECT_EQ(lseek(fd.get(), 100, SEEK_SET), 0);
  EXPECT_ERRNO(EINVAL, ftruncate(fd.get(), 0));
  EXPECT_TRUE(PollFor(fd.get(), POLLIN, 0));
  EXPECT_TRUE(PollFor(fd.get(), POLLOUT, 0));
  EXPECT_FALSE(isatty(fd.get()));
}

TEST(NullDeviceTest, NeverReadsTheMemoryWrittenToIt) {
  // As on Linux, where a bad pointer of write goes unnoticed.
  Fd fd = OpenFile("/dev/null", O_WRONLY);
  EXPECT_EQ(write(fd.get(), BadPointer<const void>(), 10), 10);
}

TEST(NullDeviceTest, CannotBeMapped) {
  Fd fd = OpenFile("/dev/null", O_RDWR);
  EXPECT_ERRNO(ENODEV, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd.get(), 0));
}

TEST(ZeroDeviceTest, ReadsZerosOfAnyLengthAndSwallowsWrites) {
  Fd fd = OpenFile("/dev/zero", O_RDWR);
  std::string buffer(100'000, 'x');
  EXPECT_EQ(read(fd.get(), buffer.data(), buffer.size()), 100'000);
  EXPECT_TRUE(buffer == std::string(100'000, '\0'));
  EXPECT_EQ(pread(fd.get(), buffer.data(), 10, 12'345), 10);
  EXPECT_EQ(write(fd.get(), "abc", 3), 3);
  EXPECT_ERRNO(EFAULT, read(fd.get(), BadPointer<void>(), 10));
}

TEST(ZeroDeviceTest, MappingIsAnonymousMemory) {
  Fd fd = OpenFile("/dev/zero", O_RDWR);
  Mapping own(2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get());
  EXPECT_EQ(own[kPage], '\0');
  own[kPage] = 'x';
  EXPECT_EQ(own[kPage], 'x');
  Mapping shared(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  ExpectPassesInChild([&] { shared[0] = 'C'; });
  EXPECT_EQ(shared[0], 'C');
  Mapping other(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  EXPECT_EQ(other[0], '\0');
}

TEST(FullDeviceTest, ReadsZerosAndFailsWritesWithEnospc) {
  Fd fd = OpenFile("/dev/full", O_RDWR);
  char buffer[4] = {'a', 'b', 'c', 'd'};
  EXPECT_EQ(read(fd.get(), buffer, sizeof(buffer)), 4);
  EXPECT_EQ(std::string(buffer, 4), std::string(4, '\0'));
  EXPECT_ERRNO(ENOSPC, write(fd.get(), "x", 1));
  EXPECT_EQ(lseek(fd.get(), 5, SEEK_SET), 0);
}

TEST(RandomDeviceTest, GivesDifferentBytesEachTime) {
  for (const char* path : {"/dev/urandom", "/dev/random"}) {
    Fd fd = OpenFile(path, O_RDONLY);
    char first[64] = {};
    char second[64] = {};
    EXPECT_EQ(read(fd.get(), first, sizeof(first)), 64) << path;
    EXPECT_EQ(read(fd.get(), second, sizeof(second)), 64) << path;
    EXPECT_NE(memcmp(first, second, sizeof(first)), 0) << path;
    EXPECT_TRUE(PollFor(fd.get(), POLLIN, 0)) << path;
  }
}

TEST(RandomDeviceTest, LargeReadsAreWholeAndSpreadOverAllBytes) {
  Fd fd = OpenFile("/dev/urandom", O_RDONLY);
  std::string bytes(100'000, '\0');
  ASSERT_EQ(read(fd.get(), bytes.data(), bytes.size()), 100'000);
  for (int value = 0; value < 256; ++value) {
    // 390 are expected; none below 200 would be chance.
    EXPECT_GT(std::count(bytes.begin(), bytes.end(), static_cast<char>(value)), 200) << value;
  }
  EXPECT_ERRNO(EFAULT, read(fd.get(), BadPointer<void>(), 10));
}

TEST(RandomDeviceTest, AcceptsEntropyFromAnybody) {
  Fd fd = OpenFile("/dev/urandom", O_WRONLY);
  EXPECT_EQ(write(fd.get(), "entropy", 7), 7);
}

TEST(RandomDeviceTest, ChildrenDoNotRepeatTheBytesOfTheParent) {
  int ends[2];
  ASSERT_OK(pipe2(ends, O_CLOEXEC));
  ExpectPassesInChild([&] {
    char bytes[32];
    EXPECT_EQ(getrandom(bytes, sizeof(bytes), 0), 32);
    EXPECT_EQ(write(ends[1], bytes, sizeof(bytes)), 32);
  });
  char theirs[32];
  char ours[32];
  EXPECT_EQ(read(ends[0], theirs, sizeof(theirs)), 32);
  EXPECT_EQ(getrandom(ours, sizeof(ours), 0), 32);
  EXPECT_NE(memcmp(theirs, ours, sizeof(ours)), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST(TerminalDeviceTest, ProcessWithoutTerminalGetsEnxio) {
  ExpectPassesInChild([] {
    ASSERT_OK(setsid());
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDWR));
    EXPECT_ERRNO(ENXIO, open("/dev/tty", O_RDONLY | O_NONBLOCK));
  });
}

TEST(DeviceNodeTest, AreNoDirectoriesAndNoPrograms) {
  EXPECT_ERRNO(ENOTDIR, open("/dev/null/x", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("/dev/null", O_RDONLY | O_DIRECTORY));
  ExpectPassesInChild([] { EXPECT_ERRNO(EACCES, execl("/dev/null", "null", nullptr)); });
}

// Not provoked: the errors of terminals that exist (see the tests of terminals).

}  // namespace
}  // namespace ukrun::compat_tests
