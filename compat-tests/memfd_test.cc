// memfd_create(2) and file seals.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/mapping.h"
#include "compat-tests/util/process.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPage = 4096;
constexpr int kReadWrite = PROT_READ | PROT_WRITE;

class MemfdTest : public testing::Test {
 protected:
  void SetUp() override {
    fd_ = Fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_OK(fd_.get());
    WriteAll(fd_.get(), "0123456789");
  }

  int AddSeals(int seals) const { return fcntl(fd_.get(), F_ADD_SEALS, seals); }
  int Seals() const { return fcntl(fd_.get(), F_GET_SEALS); }

  Fd fd_;
};

TEST_F(MemfdTest, IsAnEmptyNamelessRegularFile) {
  Fd fd(memfd_create("name", 0));
  ASSERT_OK(fd.get());
  const struct stat status = FdStat(fd.get());
  EXPECT_TRUE(S_ISREG(status.st_mode));
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(status.st_nlink, 0u);
  EXPECT_EQ(fcntl(fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
  EXPECT_EQ(fcntl(fd.get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(fd_.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(MemfdTest, BehavesLikeAFile) {
  EXPECT_EQ(pwrite(fd_.get(), "far", 3, 100'000), 3);
  EXPECT_EQ(FdStat(fd_.get()).st_size, 100'003);
  EXPECT_EQ(lseek(fd_.get(), 4, SEEK_SET), 4);
  char byte = 0;
  EXPECT_EQ(read(fd_.get(), &byte, 1), 1);
  EXPECT_EQ(byte, '4');
  EXPECT_OK(ftruncate(fd_.get(), 3));
  EXPECT_OK(fallocate(fd_.get(), 0, 0, 10'000));
  EXPECT_OK(fchmod(fd_.get(), 0600));
  EXPECT_EQ(PermissionBits(FdStat(fd_.get())), 0600u);
}

TEST_F(MemfdTest, NamesNeedNotBeUnique) {
  Fd first(memfd_create("same", 0));
  Fd second(memfd_create("same", 0));
  EXPECT_NE(FdStat(first.get()).st_ino, FdStat(second.get()).st_ino);
  EXPECT_EQ(ReadLink(FdPath(first.get()).c_str()), "/memfd:same (deleted)");
}

TEST_F(MemfdTest, MappingsAreSharedAndOutliveTheDescriptor) {
  Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get());
  map[0] = 'X';
  char byte = 0;
  EXPECT_EQ(pread(fd_.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'X');
  ExpectPassesInChild([&] { map[1] = 'C'; });
  fd_.Close();
  EXPECT_EQ(map[1], 'C');
}

TEST_F(MemfdTest, CanBeReopenedThroughProcWithItsOwnOffset) {
  Fd reader = OpenFile(FdPath(fd_.get()).c_str(), O_RDONLY);
  EXPECT_EQ(ReadAll(reader.get()), "0123456789");
  EXPECT_ERRNO(EBADF, write(reader.get(), "x", 1));
  Fd writer = OpenFile(FdPath(fd_.get()).c_str(), O_RDWR | O_TRUNC);
  EXPECT_EQ(FdStat(fd_.get()).st_size, 0);
}

TEST_F(MemfdTest, CanBeExecuted) {
  const std::string program = ReadFile("/bin/true");
  Fd fd(memfd_create("program", MFD_CLOEXEC));
  WriteAll(fd.get(), program);
  ASSERT_OK(fchmod(fd.get(), 0755));
  Child child([&] {
    char name[] = "true";
    char* arguments[] = {name, nullptr};
    fexecve(fd.get(), arguments, environ);
    _exit(127);
  });
  EXPECT_TRUE(child.Passes());
}

TEST_F(MemfdTest, ErrorsOfMemfdCreate) {
  EXPECT_ERRNO(EINVAL, memfd_create("name", 0x4000));
  EXPECT_ERRNO(EFAULT, memfd_create(BadPointer<const char>(), 0));
  EXPECT_ERRNO(EINVAL, memfd_create(std::string(250, 'n').c_str(), 0));
  Fd longest(memfd_create(std::string(249, 'n').c_str(), 0));
  EXPECT_OK(longest.get());
  Fd empty(memfd_create("", 0));
  EXPECT_OK(empty.get());
}

class SealTest : public MemfdTest {};

TEST_F(SealTest, AreAddedNeverRemoved) {
  EXPECT_EQ(Seals(), 0);
  EXPECT_OK(AddSeals(F_SEAL_SHRINK));
  EXPECT_OK(AddSeals(F_SEAL_GROW));
  EXPECT_OK(AddSeals(0));
  EXPECT_EQ(Seals(), F_SEAL_SHRINK | F_SEAL_GROW);
  EXPECT_OK(AddSeals(F_SEAL_SEAL));
  EXPECT_ERRNO(EPERM, AddSeals(F_SEAL_WRITE));
}

TEST_F(SealTest, NeedTheFlagAtCreation) {
  Fd plain(memfd_create("plain", 0));
  EXPECT_EQ(fcntl(plain.get(), F_GET_SEALS), F_SEAL_SEAL);
  EXPECT_ERRNO(EPERM, fcntl(plain.get(), F_ADD_SEALS, F_SEAL_SHRINK));
}

TEST_F(SealTest, BelongToTheFileNotTheDescriptor) {
  Fd other = OpenFile(FdPath(fd_.get()).c_str(), O_RDWR);
  EXPECT_OK(fcntl(other.get(), F_ADD_SEALS, F_SEAL_WRITE));
  EXPECT_ERRNO(EPERM, write(fd_.get(), "x", 1));
}

TEST_F(SealTest, ShrinkSealKeepsTheSizeFromFalling) {
  EXPECT_OK(AddSeals(F_SEAL_SHRINK));
  EXPECT_ERRNO(EPERM, ftruncate(fd_.get(), 5));
  EXPECT_ERRNO(EPERM, open(FdPath(fd_.get()).c_str(), O_RDWR | O_TRUNC));
  EXPECT_OK(ftruncate(fd_.get(), 10));
  EXPECT_OK(ftruncate(fd_.get(), 20));
  EXPECT_EQ(pwrite(fd_.get(), "x", 1, 50), 1);
}

TEST_F(SealTest, GrowSealKeepsTheSizeFromRising) {
  EXPECT_OK(AddSeals(F_SEAL_GROW));
  EXPECT_ERRNO(EPERM, ftruncate(fd_.get(), 11));
  EXPECT_ERRNO(EPERM, pwrite(fd_.get(), "x", 1, 10));
  EXPECT_ERRNO(EPERM, fallocate(fd_.get(), 0, 0, 11));
  EXPECT_ERRNO(EPERM, fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, 11));
  EXPECT_OK(fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, 10));
  EXPECT_EQ(pwrite(fd_.get(), "x", 1, 9), 1);
  EXPECT_OK(ftruncate(fd_.get(), 5));
}

TEST_F(SealTest, WriteSealForbidsEveryChangeOfContent) {
  EXPECT_OK(AddSeals(F_SEAL_WRITE));
  EXPECT_ERRNO(EPERM, pwrite(fd_.get(), "x", 1, 0));
  EXPECT_ERRNO(EPERM, fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5));
  EXPECT_ERRNO(EPERM, mmap(nullptr, kPage, kReadWrite, MAP_SHARED, fd_.get(), 0));
  Mapping own(kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  own[0] = 'X';
  EXPECT_EQ(lseek(fd_.get(), 0, SEEK_SET), 0);
  EXPECT_EQ(ReadAll(fd_.get()), "0123456789");
}

TEST_F(SealTest, WriteSealOfAFileMappedForWritingFailsWithEbusy) {
  {
    Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get());
    EXPECT_ERRNO(EBUSY, AddSeals(F_SEAL_WRITE));
    EXPECT_EQ(Seals(), 0);
  }
  EXPECT_OK(AddSeals(F_SEAL_WRITE));
}

TEST_F(SealTest, FutureWriteSealLeavesExistingMappings) {
  Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get());
  EXPECT_OK(AddSeals(F_SEAL_FUTURE_WRITE));
  map[0] = 'X';
  EXPECT_ERRNO(EPERM, pwrite(fd_.get(), "x", 1, 0));
  EXPECT_ERRNO(EPERM, mmap(nullptr, kPage, kReadWrite, MAP_SHARED, fd_.get(), 0));
  Mapping reader(kPage, PROT_READ, MAP_SHARED, fd_.get());
  EXPECT_EQ(reader[0], 'X');
  EXPECT_ERRNO(EACCES, mprotect(reader.data(), kPage, kReadWrite));
}

TEST_F(SealTest, ErrorsOfTheSealCommands) {
  EXPECT_ERRNO(EINVAL, AddSeals(0x4000));
  Fd reader = OpenFile(FdPath(fd_.get()).c_str(), O_RDONLY);
  EXPECT_ERRNO(EPERM, fcntl(reader.get(), F_ADD_SEALS, F_SEAL_WRITE));
  EXPECT_EQ(fcntl(reader.get(), F_GET_SEALS), 0);
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(EINVAL, fcntl(ends[0], F_GET_SEALS));
  EXPECT_ERRNO(EINVAL, fcntl(ends[1], F_ADD_SEALS, F_SEAL_WRITE));
  close(ends[0]);
  close(ends[1]);
  EXPECT_ERRNO(EBADF, fcntl(-1, F_GET_SEALS));
}

// Not provoked: EMFILE and ENFILE (see open_test.cc), ENOMEM, EPERM of MFD_HUGETLB.

}  // namespace
}  // namespace ukrun::compat_tests
