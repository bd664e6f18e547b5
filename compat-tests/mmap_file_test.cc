// mmap(2) of files: what a mapping shows, where its writes go, and what access beyond the file
// does. The refusals of mmap and its relatives are in mmap_file_error_test.cc.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "compat-tests/util/errno_matchers.h"
#include "compat-tests/util/fault.h"
#include "compat-tests/util/files.h"
#include "compat-tests/util/mapping.h"
#include "compat-tests/util/process.h"
#include "compat-tests/util/temp_dir.h"

namespace ukrun::compat_tests {
namespace {

constexpr size_t kPage = 4096;
constexpr int kReadWrite = PROT_READ | PROT_WRITE;

class MmapFileTest : public TempDirTest {
 protected:
  // Three pages of 'a', 'b' and 'c', then 100 bytes of 'd'.
  void SetUp() override {
    WriteFile(Path("file"), std::string(kPage, 'a') + std::string(kPage, 'b') +
                                std::string(kPage, 'c') + std::string(100, 'd'));
    fd_ = OpenFile(Path("file"), O_RDWR);
  }

  char FileByte(off_t offset) const {
    char byte = 0;
    EXPECT_EQ(pread(fd_.get(), &byte, 1, offset), 1);
    return byte;
  }

  Fd fd_;
};

TEST_F(MmapFileTest, ShowsTheContentOfTheFile) {
  for (int flags : {MAP_PRIVATE, MAP_SHARED}) {
    Mapping map(4 * kPage, PROT_READ, flags, fd_.get());
    EXPECT_EQ(map[0], 'a');
    EXPECT_EQ(map[kPage], 'b');
    EXPECT_EQ(map[3 * kPage - 1], 'c');
    EXPECT_EQ(map[3 * kPage + 99], 'd');
  }
}

TEST_F(MmapFileTest, StartsAtTheGivenOffset) {
  Mapping map(kPage, PROT_READ, MAP_PRIVATE, fd_.get(), 2 * kPage);
  EXPECT_EQ(map[0], 'c');
}

TEST_F(MmapFileTest, LengthNeedNotBeWholePages) {
  Mapping map(10, PROT_READ, MAP_PRIVATE, fd_.get());
  EXPECT_EQ(map[kPage - 1], 'a');
}

TEST_F(MmapFileTest, SharedWritesReachTheFileAtOnce) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  map[5] = 'X';
  map[3 * kPage + 1] = 'Y';
  EXPECT_EQ(FileByte(5), 'X');
  EXPECT_EQ(FileByte(3 * kPage + 1), 'Y');
  EXPECT_EQ(ReadFile(Path("file"))[5], 'X');
}

TEST_F(MmapFileTest, WritesToTheFileShowInSharedMappings) {
  Mapping map(4 * kPage, PROT_READ, MAP_SHARED, fd_.get());
  EXPECT_EQ(map[7], 'a');
  EXPECT_EQ(pwrite(fd_.get(), "Z", 1, 7), 1);
  EXPECT_EQ(map[7], 'Z');
  Fd other = OpenFile(Path("file"), O_WRONLY);
  EXPECT_EQ(pwrite(other.get(), "Q", 1, 2 * kPage), 1);
  EXPECT_EQ(map[2 * kPage], 'Q');
}

TEST_F(MmapFileTest, PrivateWritesStayPrivate) {
  Mapping first(kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  Mapping second(kPage, PROT_READ, MAP_PRIVATE, fd_.get());
  first[0] = 'X';
  EXPECT_EQ(first[0], 'X');
  EXPECT_EQ(second[0], 'a');
  EXPECT_EQ(FileByte(0), 'a');
  // The copied page no longer follows the file.
  EXPECT_EQ(pwrite(fd_.get(), "YY", 2, 0), 2);
  EXPECT_EQ(first[0], 'X');
  EXPECT_EQ(first[1], 'a');
}

TEST_F(MmapFileTest, PrivateMappingOfAReadOnlyDescriptorIsWritable) {
  Fd reader = OpenFile(Path("file"), O_RDONLY);
  Mapping map(kPage, kReadWrite, MAP_PRIVATE, reader.get());
  map[0] = 'X';
  EXPECT_EQ(FileByte(0), 'a');
}

TEST_F(MmapFileTest, AllSharedMappingsOfAFileAreOneMemory) {
  Fd other = OpenFile(Path("file"), O_RDWR);
  Mapping first(kPage, kReadWrite, MAP_SHARED, fd_.get());
  Mapping second(kPage, kReadWrite, MAP_SHARED, other.get());
  first[1] = '1';
  EXPECT_EQ(second[1], '1');
  second[2] = '2';
  EXPECT_EQ(first[2], '2');
}

TEST_F(MmapFileTest, SharedMappingIsSharedWithForkedChildren) {
  Mapping shared(kPage, kReadWrite, MAP_SHARED, fd_.get());
  Mapping own(kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  own[0] = 'P';
  ExpectPassesInChild([&] {
    EXPECT_EQ(own[0], 'P');
    own[0] = 'C';
    shared[1] = 'C';
  });
  EXPECT_EQ(own[0], 'P');
  EXPECT_EQ(shared[1], 'C');
}

TEST_F(MmapFileTest, UnrelatedProcessesShareToo) {
  Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get());
  ExpectPassesInChild([&] {
    Fd other = OpenFile(Path("file"), O_RDWR);
    Mapping theirs(kPage, kReadWrite, MAP_SHARED, other.get());
    theirs[9] = '9';
  });
  EXPECT_EQ(map[9], '9');
}

TEST_F(MmapFileTest, OutlivesCloseUnlinkAndChmod) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  Fd keeper = OpenFile(Path("file"), O_RDONLY);
  fd_.Close();
  ASSERT_OK(unlink(Path("file")));
  ASSERT_OK(fchmod(keeper.get(), 0));
  map[0] = 'X';
  char byte = 0;
  EXPECT_EQ(pread(keeper.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'X');
  EXPECT_EQ(map[2 * kPage], 'c');
}

TEST_F(MmapFileTest, RestOfTheLastPageIsZeroAndNeverWritten) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  EXPECT_EQ(map[3 * kPage + 100], '\0');
  EXPECT_EQ(map[4 * kPage - 1], '\0');
  map[3 * kPage + 200] = 'X';
  ASSERT_OK(msync(map.data(), 4 * kPage, MS_SYNC));
  EXPECT_EQ(FdStat(fd_.get()).st_size, static_cast<off_t>(3 * kPage + 100));
  char byte = 0;
  EXPECT_EQ(pread(fd_.get(), &byte, 1, 3 * kPage + 200), 0);
}

TEST_F(MmapFileTest, AccessBeyondTheEndRaisesSigbus) {
  for (int flags : {MAP_PRIVATE, MAP_SHARED}) {
    Mapping map(6 * kPage, kReadWrite, flags, fd_.get());
    const Fault read_fault = FaultOf([&] { return map[5 * kPage + 7]; });
    EXPECT_EQ(read_fault.signal, SIGBUS);
    EXPECT_EQ(read_fault.code, BUS_ADRERR);
    EXPECT_EQ(read_fault.address, map.data() + 5 * kPage + 7);
    const Fault write_fault = FaultOf([&] {
      map[4 * kPage] = 'x';
      return 0;
    });
    EXPECT_EQ(write_fault.signal, SIGBUS);
  }
}

TEST_F(MmapFileTest, TruncationTakesPagesAwayAndGrowthGivesThemBackEmpty) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  EXPECT_EQ(map[kPage], 'b');
  ASSERT_OK(ftruncate(fd_.get(), 10));
  EXPECT_EQ(map[9], 'a');
  EXPECT_EQ(map[10], '\0');
  EXPECT_EQ(FaultOf([&] { return map[kPage]; }).signal, SIGBUS);
  ASSERT_OK(ftruncate(fd_.get(), 2 * kPage));
  EXPECT_EQ(map[kPage], '\0');
  map[kPage] = 'X';
  EXPECT_EQ(FileByte(kPage), 'X');
}

TEST_F(MmapFileTest, TruncationTakesPrivateCopiesToo) {
  Mapping map(4 * kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  map[kPage] = 'X';
  ASSERT_OK(ftruncate(fd_.get(), 10));
  EXPECT_EQ(FaultOf([&] { return map[kPage]; }).signal, SIGBUS);
}

TEST_F(MmapFileTest, FileThatGrowsUnderAMappingBecomesVisible) {
  Mapping map(6 * kPage, PROT_READ, MAP_SHARED, fd_.get());
  EXPECT_EQ(FaultOf([&] { return map[5 * kPage]; }).signal, SIGBUS);
  EXPECT_EQ(pwrite(fd_.get(), "E", 1, 5 * kPage), 1);
  EXPECT_EQ(map[5 * kPage], 'E');
  EXPECT_EQ(map[4 * kPage], '\0');
}

TEST_F(MmapFileTest, WriteThroughAHoleFillsIt) {
  Fd sparse = OpenFile(Path("sparse"), O_RDWR | O_CREAT);
  ASSERT_OK(ftruncate(sparse.get(), 8 * kPage));
  Mapping map(8 * kPage, kReadWrite, MAP_SHARED, sparse.get());
  EXPECT_EQ(map[4 * kPage], '\0');
  map[4 * kPage + 1] = 'X';
  ASSERT_OK(msync(map.data(), 8 * kPage, MS_SYNC));
  char byte = 0;
  EXPECT_EQ(pread(sparse.get(), &byte, 1, 4 * kPage + 1), 1);
  EXPECT_EQ(byte, 'X');
  EXPECT_GT(FdStat(sparse.get()).st_blocks, 0);
}

TEST_F(MmapFileTest, WriteThroughAMappingMovesTheModificationTime) {
  const timespec old_times[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_OK(futimens(fd_.get(), old_times));
  Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get());
  map[0] = 'X';
  ASSERT_OK(msync(map.data(), kPage, MS_SYNC));
  EXPECT_GT(FdStat(fd_.get()).st_mtime, 1'000'000);
}

TEST_F(MmapFileTest, FixedMappingReplacesPartOfAnother) {
  Mapping map(4 * kPage, PROT_READ, MAP_PRIVATE, fd_.get());
  void* const where = map.data() + kPage;
  ASSERT_EQ(mmap(where, kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd_.get(), 2 * kPage), where);
  EXPECT_EQ(map[0], 'a');
  EXPECT_EQ(map[kPage], 'c');
  EXPECT_EQ(map[2 * kPage], 'c');
}

TEST_F(MmapFileTest, UnmappingTheMiddleLeavesBothSides) {
  Mapping map(3 * kPage, PROT_READ, MAP_SHARED, fd_.get());
  ASSERT_OK(munmap(map.data() + kPage, kPage));
  EXPECT_EQ(map[0], 'a');
  EXPECT_EQ(map[2 * kPage], 'c');
  EXPECT_EQ(FaultOf([&] { return map[kPage]; }).signal, SIGSEGV);
}

TEST_F(MmapFileTest, MremapExtendsIntoTheFile) {
  char* map = static_cast<char*>(mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd_.get(), 0));
  ASSERT_NE(map, MAP_FAILED);
  map = static_cast<char*>(mremap(map, kPage, 3 * kPage, MREMAP_MAYMOVE));
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_EQ(map[0], 'a');
  EXPECT_EQ(map[2 * kPage], 'c');
  EXPECT_OK(munmap(map, 3 * kPage));
}

TEST_F(MmapFileTest, DontneedDropsPrivateCopies) {
  Mapping map(kPage, kReadWrite, MAP_PRIVATE, fd_.get());
  map[0] = 'X';
  ASSERT_OK(madvise(map.data(), kPage, MADV_DONTNEED));
  EXPECT_EQ(map[0], 'a');
}

TEST_F(MmapFileTest, RemovePunchesAHoleIntoTheFile) {
  Mapping map(3 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  ASSERT_OK(madvise(map.data() + kPage, kPage, MADV_REMOVE));
  EXPECT_EQ(map[kPage], '\0');
  EXPECT_EQ(FileByte(kPage), '\0');
  EXPECT_EQ(FileByte(2 * kPage), 'c');
}

TEST_F(MmapFileTest, ReadAndWriteMayUseAMappingOfTheSameFile) {
  Mapping map(4 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  EXPECT_EQ(pread(fd_.get(), map.data(), 2, kPage), 2);
  EXPECT_EQ(map[0], 'b');
  EXPECT_EQ(pwrite(fd_.get(), map.data() + 2 * kPage, 2, 2), 2);
  EXPECT_EQ(FileByte(2), 'c');
}

TEST_F(MmapFileTest, WriteFromBeyondTheEndOfAMappedFileFailsWithEfault) {
  Mapping map(6 * kPage, PROT_READ, MAP_SHARED, fd_.get());
  Fd out = OpenFile(Path("out"), O_RDWR | O_CREAT);
  EXPECT_ERRNO(EFAULT, write(out.get(), map.data() + 5 * kPage, 10));
  Fd zero = OpenFile("/dev/zero", O_RDONLY);
  EXPECT_ERRNO(EFAULT, read(zero.get(), map.data(), 10));
}

TEST_F(MmapFileTest, CodeInAFileCanBeRun) {
  // mov $42, %eax; ret
  WriteFile(Path("code"), std::string("\xb8\x2a\x00\x00\x00\xc3", 6), 0755);
  Fd code = OpenFile(Path("code"), O_RDONLY);
  void* map = mmap(nullptr, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE, code.get(), 0);
  if (map == MAP_FAILED && errno == EPERM) {
    GTEST_SKIP() << "the temporary directory is mounted noexec";
  }
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_EQ(reinterpret_cast<int (*)()>(map)(), 42);
  EXPECT_OK(munmap(map, kPage));
}

TEST_F(MmapFileTest, SystemFilesReadAndMapAlike) {
  Fd shell = OpenFile("/bin/sh", O_RDONLY);
  const std::string content = ReadAll(shell.get());
  Mapping map(content.size(), PROT_READ, MAP_PRIVATE, shell.get());
  EXPECT_EQ(memcmp(map.data(), content.data(), content.size()), 0);
}

TEST_F(MmapFileTest, ProcMapsNamesFileOffsetAndInode) {
  Mapping map(kPage, kReadWrite, MAP_SHARED, fd_.get(), 2 * kPage);
  std::ifstream maps("/proc/self/maps");
  std::string line;
  bool found = false;
  while (std::getline(maps, line)) {
    if (line.find(Path("file")) == std::string::npos) {
      continue;
    }
    found = true;
    unsigned long start = 0;
    unsigned long end = 0;
    char permissions[5] = {};
    unsigned long offset = 0;
    unsigned long inode = 0;
    ASSERT_EQ(sscanf(line.c_str(), "%lx-%lx %4s %lx %*x:%*x %lu", &start, &end, permissions,
                     &offset, &inode),
              5);
    EXPECT_EQ(reinterpret_cast<char*>(start), map.data());
    EXPECT_EQ(end - start, kPage);
    EXPECT_STREQ(permissions, "rw-s");
    EXPECT_EQ(offset, 2 * kPage);
    EXPECT_EQ(inode, FdStat(fd_.get()).st_ino);
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace ukrun::compat_tests
