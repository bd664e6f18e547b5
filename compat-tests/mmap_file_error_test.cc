// What mmap(2), mprotect(2) and msync(2) refuse for mappings of files.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
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

class MmapFileErrorTest : public TempDirTest {
 protected:
  void SetUp() override {
    WriteFile(Path("file"), std::string(2 * kPage, 'a'));
    fd_ = OpenFile(Path("file"), O_RDWR);
  }

  void* Map(size_t length, int protection, int flags, off_t offset = 0) const {
    return mmap(nullptr, length, protection, flags, fd_.get(), offset);
  }

  Fd fd_;
};

TEST_F(MmapFileErrorTest, InvalidDescriptorFailsWithEbadf) {
  EXPECT_ERRNO(EBADF, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, -1, 0));
  EXPECT_ERRNO(EBADF, mmap(nullptr, kPage, PROT_READ, MAP_SHARED, 1'000'000, 0));
}

TEST_F(MmapFileErrorTest, InvalidDescriptorIsNoticedBeforeAllElse) {
  EXPECT_ERRNO(EBADF, mmap(nullptr, 0, PROT_READ, MAP_PRIVATE, -1, 0));
  EXPECT_ERRNO(EBADF, mmap(nullptr, kPage, PROT_READ, 0, -1, 0));
  EXPECT_ERRNO(EBADF, mmap(nullptr, kPage, PROT_READ, MAP_SHARED_VALIDATE | (1 << 23), -1, 0));
  // But for an offset inside a page.
  EXPECT_ERRNO(EINVAL, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, -1, 1));
}

TEST_F(MmapFileErrorTest, DescriptorWithoutReadAccessFailsWithEacces) {
  Fd writer = OpenFile(Path("file"), O_WRONLY);
  EXPECT_ERRNO(EACCES, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, writer.get(), 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, kPage, PROT_WRITE, MAP_SHARED, writer.get(), 0));
  EXPECT_ERRNO(EACCES, mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE, writer.get(), 0));
}

TEST_F(MmapFileErrorTest, SharedWritingNeedsAWritableDescriptor) {
  Fd reader = OpenFile(Path("file"), O_RDONLY);
  EXPECT_ERRNO(EACCES, mmap(nullptr, kPage, kReadWrite, MAP_SHARED, reader.get(), 0));
  Mapping map(kPage, PROT_READ, MAP_SHARED, reader.get());
  EXPECT_ERRNO(EACCES, mprotect(map.data(), kPage, kReadWrite));
  EXPECT_EQ(map[0], 'a');
  EXPECT_EQ(FaultOf([&] {
              map[0] = 'x';
              return 0;
            }).signal,
            SIGSEGV);
  Mapping own(kPage, PROT_READ, MAP_PRIVATE, reader.get());
  EXPECT_OK(mprotect(own.data(), kPage, kReadWrite));
}

TEST_F(MmapFileErrorTest, SharedMappingMayBeMadeWritableIfTheDescriptorWas) {
  Mapping map(kPage, PROT_READ, MAP_SHARED, fd_.get());
  fd_.Close();
  ASSERT_OK(chmod(Path("file"), 0444));
  EXPECT_OK(mprotect(map.data(), kPage, kReadWrite));
  map[0] = 'x';
  EXPECT_EQ(ReadFile(Path("file"))[0], 'x');
}

TEST_F(MmapFileErrorTest, BadLengthOffsetOrTypeFailsWithEinval) {
  EXPECT_ERRNO(EINVAL, Map(0, PROT_READ, MAP_PRIVATE));
  EXPECT_ERRNO(EINVAL, Map(kPage, PROT_READ, MAP_PRIVATE, 1));
  EXPECT_ERRNO(EINVAL, Map(kPage, PROT_READ, MAP_PRIVATE, kPage + 512));
  EXPECT_ERRNO(EINVAL, Map(kPage, PROT_READ, 0));
  EXPECT_ERRNO(EINVAL, mmap(reinterpret_cast<void*>(0x10001), kPage, PROT_READ,
                            MAP_PRIVATE | MAP_FIXED, fd_.get(), 0));
}

TEST_F(MmapFileErrorTest, ImpossibleSizesFail) {
  EXPECT_ERRNO(ENOMEM, Map(size_t{1} << 62, PROT_READ, MAP_PRIVATE));
  EXPECT_ERRNO(ENOMEM, Map(std::numeric_limits<size_t>::max(), PROT_READ, MAP_PRIVATE));
  EXPECT_ERRNO(EOVERFLOW, Map(2 * kPage, PROT_READ, MAP_PRIVATE, static_cast<off_t>(-kPage)));
}

TEST_F(MmapFileErrorTest, ValidatedSharingRefusesUnknownFlagsWithEopnotsupp) {
  void* map = Map(kPage, PROT_READ, MAP_SHARED_VALIDATE);
  EXPECT_OK(map);
  EXPECT_OK(munmap(map, kPage));
  EXPECT_ERRNO(EOPNOTSUPP, Map(kPage, PROT_READ, MAP_SHARED_VALIDATE | (1 << 23)));
  // Nor is there persistent memory here, or the test's file would have to be on it.
  EXPECT_ERRNO(EOPNOTSUPP, Map(kPage, PROT_READ, MAP_SHARED_VALIDATE | 0x80000 /* MAP_SYNC */));
  // Without the validation they are ignored.
  map = Map(kPage, PROT_READ, MAP_SHARED | (1 << 23));
  EXPECT_OK(map);
  EXPECT_OK(munmap(map, kPage));
}

TEST_F(MmapFileErrorTest, ThingsThatAreNoFilesFailWithEnodev) {
  Fd directory = OpenFile(Root(), O_RDONLY);
  EXPECT_ERRNO(ENODEV, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, directory.get(), 0));
  int ends[2];
  ASSERT_OK(pipe(ends));
  EXPECT_ERRNO(ENODEV, mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, ends[0], 0));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(MmapFileErrorTest, NoreplaceOntoAMappingFailsWithEexist) {
  Mapping map(kPage, PROT_READ, MAP_PRIVATE, fd_.get());
  EXPECT_ERRNO(EEXIST,
               mmap(map.data(), kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd_.get(), 0));
  EXPECT_EQ(map[0], 'a');
}

TEST_F(MmapFileErrorTest, MappingBeyondTheEndOfTheFileIsAllowedButEmpty) {
  Mapping map(kPage, PROT_READ, MAP_PRIVATE, fd_.get(), 100 * kPage);
  EXPECT_EQ(FaultOf([&] { return map[0]; }).signal, SIGBUS);
}

TEST_F(MmapFileErrorTest, ErrorsOfMsync) {
  Mapping map(2 * kPage, kReadWrite, MAP_SHARED, fd_.get());
  EXPECT_OK(msync(map.data(), 2 * kPage, MS_SYNC));
  EXPECT_OK(msync(map.data(), kPage, MS_ASYNC));
  EXPECT_OK(msync(map.data(), kPage, MS_SYNC | MS_INVALIDATE));
  EXPECT_OK(msync(map.data(), 0, MS_SYNC));
  EXPECT_ERRNO(EINVAL, msync(map.data(), kPage, MS_SYNC | MS_ASYNC));
  EXPECT_ERRNO(EINVAL, msync(map.data() + 1, kPage, MS_SYNC));
  EXPECT_ERRNO(EINVAL, msync(map.data(), kPage, 0x40));
  ASSERT_OK(munmap(map.data() + kPage, kPage));
  EXPECT_ERRNO(ENOMEM, msync(map.data(), 2 * kPage, MS_SYNC));
}

TEST_F(MmapFileErrorTest, LowestAddressesAreForbiddenToOrdinaryUsers) {
  ExpectPassesAsOrdinaryUser([&] {
    EXPECT_ERRNO(OneOf(EPERM, EACCES),
                 mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd_.get(), 0));
  });
}

// Not provoked: EAGAIN (MAP_LOCKED beyond RLIMIT_MEMLOCK: see the tests of memory locking); ENFILE;
// ENOMEM by the number of mappings (see the tests of scale); EPERM of PROT_EXEC on a noexec mount
// and by a seal (see memfd_test.cc); ETXTBSY (MAP_DENYWRITE is ignored nowadays); EBUSY of msync
// with MS_INVALIDATE on locked pages.

}  // namespace
}  // namespace ukrun::compat_tests
