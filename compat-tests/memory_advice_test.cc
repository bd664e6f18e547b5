// madvise(2), mincore(2), mlock(2) and relatives, msync(2), membarrier(2), process_vm_readv(2).

#include <limits.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include <fstream>

#include "compat-tests/util/process_memory_util.h"

namespace compat {
namespace {

class MemoryAdviceTest : public DeadlineTest {};

std::string Residency(const Mapping& memory) {
  std::vector<unsigned char> pages(memory.size() / kPageSize);
  if (mincore(memory.get(), memory.size(), pages.data()) != 0) {
    return "error " + std::to_string(errno);
  }
  std::string text;
  for (const unsigned char page : pages) {
    text += (page & 1) != 0 ? '1' : '0';
  }
  return text;
}

long LockedKilobytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("VmLck:", 0) == 0) {
      return std::stol(line.substr(6));
    }
  }
  return -1;
}

TEST_F(MemoryAdviceTest, DontneedMakesPrivateMemoryZeroAgain) {
  Mapping memory(3);
  memset(memory.get(), 5, memory.size());
  ASSERT_EQ(madvise(memory.page(1), kPageSize, MADV_DONTNEED), 0);
  EXPECT_EQ(*memory.page(0), 5);
  EXPECT_EQ(*memory.page(1), 0);
  EXPECT_EQ(memory.page(1)[kPageSize - 1], 0);
  EXPECT_EQ(*memory.page(2), 5);
}

TEST_F(MemoryAdviceTest, DontneedKeepsSharedMemory) {
  Mapping memory(1, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  memory.get()[0] = 5;
  ASSERT_EQ(madvise(memory.get(), kPageSize, MADV_DONTNEED), 0);
  EXPECT_EQ(memory.get()[0], 5);
}

TEST_F(MemoryAdviceTest, RemoveFreesSharedMemory) {
  Mapping memory(2, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  memset(memory.get(), 5, memory.size());
  ASSERT_EQ(madvise(memory.get(), kPageSize, MADV_REMOVE), 0);
  EXPECT_EQ(*memory.page(0), 0);
  EXPECT_EQ(*memory.page(1), 5);
}

TEST_F(MemoryAdviceTest, RemoveOfPrivateMemoryFailsWithEinval) {
  Mapping memory(1);
  EXPECT_ERRNO(EINVAL, madvise(memory.get(), kPageSize, MADV_REMOVE));
}

TEST_F(MemoryAdviceTest, FreedMemoryReadsAsBeforeOrAsZeroAndKeepsNewWrites) {
  Mapping memory(1);
  memory.get()[0] = 5;
  ASSERT_EQ(madvise(memory.get(), kPageSize, MADV_FREE), 0);
  EXPECT_TRUE(memory.get()[0] == 5 || memory.get()[0] == 0);
  memory.get()[0] = 6;
  EXPECT_EQ(memory.get()[0], 6);
}

TEST_F(MemoryAdviceTest, HintsAreAcceptedAndChangeNothing) {
  Mapping memory(4);
  memory.get()[0] = 5;
  for (const int advice : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_COLD,
                           MADV_PAGEOUT, MADV_DONTDUMP, MADV_DODUMP}) {
    EXPECT_EQ(madvise(memory.get(), memory.size(), advice), 0) << advice;
    EXPECT_EQ(memory.get()[0], 5);
  }
}

TEST_F(MemoryAdviceTest, PopulateBringsPagesIn) {
  Mapping memory(4);
  EXPECT_EQ(Residency(memory), "0000");
  ASSERT_EQ(madvise(memory.page(1), 2 * kPageSize, MADV_POPULATE_WRITE), 0);
  EXPECT_EQ(Residency(memory), "0110");
  Mapping read_only(1, PROT_READ);
  EXPECT_ERRNO(EINVAL, madvise(read_only.get(), kPageSize, MADV_POPULATE_WRITE));
}

TEST_F(MemoryAdviceTest, AdviceAppliesAroundHolesAndThenFailsWithEnomem) {
  Mapping memory(3);
  memset(memory.get(), 5, memory.size());
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(ENOMEM, madvise(memory.get(), memory.size(), MADV_DONTNEED));
  EXPECT_EQ(*memory.page(0), 0);
  EXPECT_EQ(*memory.page(2), 0);
}

TEST_F(MemoryAdviceTest, MadviseRefusesBadArguments) {
  Mapping memory(2);
  EXPECT_ERRNO(EINVAL, madvise(memory.get() + 1, kPageSize, MADV_DONTNEED));
  EXPECT_ERRNO(EINVAL, madvise(memory.get(), kPageSize, 12345));
  EXPECT_ERRNO(EINVAL, madvise(memory.get(), ~size_t{0} - 10, MADV_DONTNEED));
  EXPECT_EQ(madvise(memory.get(), 0, MADV_DONTNEED), 0);
}

TEST_F(MemoryAdviceTest, DontneedOfLockedMemoryFailsWithEinval) {
  Mapping memory(1);
  ASSERT_EQ(mlock(memory.get(), kPageSize), 0);
  EXPECT_ERRNO(EINVAL, madvise(memory.get(), kPageSize, MADV_DONTNEED));
  ASSERT_EQ(munlock(memory.get(), kPageSize), 0);
  EXPECT_EQ(madvise(memory.get(), kPageSize, MADV_DONTNEED), 0);
}

TEST_F(MemoryAdviceTest, MincoreTellsTouchedPages) {
  Mapping memory(4);
  EXPECT_EQ(Residency(memory), "0000");
  *memory.page(2) = 1;
  EXPECT_EQ(Residency(memory), "0010");
  ASSERT_EQ(madvise(memory.page(2), kPageSize, MADV_DONTNEED), 0);
  EXPECT_EQ(Residency(memory), "0000");
}

TEST_F(MemoryAdviceTest, MincoreRefusesBadArguments) {
  Mapping memory(2);
  unsigned char pages[2];
  EXPECT_ERRNO(EINVAL, mincore(memory.get() + 1, kPageSize, pages));
  EXPECT_ERRNO(EFAULT, mincore(memory.get(), kPageSize, reinterpret_cast<unsigned char*>(8)));
  EXPECT_ERRNO(ENOMEM, mincore(memory.get(), size_t{1} << 60, pages));
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(ENOMEM, mincore(memory.get(), 2 * kPageSize, pages));
}

TEST_F(MemoryAdviceTest, LockingBringsPagesInAndIsCounted) {
  Mapping memory(4);
  const long before = LockedKilobytes();
  ASSERT_EQ(mlock(memory.page(1), 2 * kPageSize), 0);
  EXPECT_EQ(Residency(memory), "0110");
  EXPECT_EQ(LockedKilobytes(), before + 8);
  ASSERT_EQ(munlock(memory.page(1), kPageSize), 0);
  EXPECT_EQ(LockedKilobytes(), before + 4);
  ASSERT_EQ(munmap(memory.page(2), kPageSize), 0);
  EXPECT_EQ(LockedKilobytes(), before);
}

TEST_F(MemoryAdviceTest, LockingIsRoundedToPages) {
  Mapping memory(3);
  const long before = LockedKilobytes();
  ASSERT_EQ(mlock(memory.get() + kPageSize - 1, 2), 0);  // Touches two pages.
  EXPECT_EQ(LockedKilobytes(), before + 8);
  EXPECT_EQ(munlock(memory.get(), memory.size()), 0);
}

TEST_F(MemoryAdviceTest, LockOnFaultWaitsForTheAccess) {
  Mapping memory(2);
  ASSERT_EQ(mlock2(memory.get(), memory.size(), MLOCK_ONFAULT), 0);
  EXPECT_EQ(Residency(memory), "00");
  *memory.page(1) = 1;
  EXPECT_EQ(Residency(memory), "01");
}

TEST_F(MemoryAdviceTest, LockingAHoleFailsWithEnomem) {
  Mapping memory(3);
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(ENOMEM, mlock(memory.get(), memory.size()));
  EXPECT_ERRNO(ENOMEM, munlock(memory.get(), memory.size()));
  EXPECT_ERRNO(EINVAL, mlock2(memory.get(), kPageSize, 0x10));
  EXPECT_ERRNO(EINVAL, mlockall(0));
  EXPECT_ERRNO(EINVAL, mlockall(0x100));
}

TEST_F(MemoryAdviceTest, LockingBeyondTheLimitFails) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              Mapping memory(8);
              rlimit limit = {4 * kPageSize, 4 * kPageSize};
              CHILD_CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
              CHILD_CHECK(mlock(memory.get(), 4 * kPageSize) == 0);
              CHILD_CHECK_ERRNO(ENOMEM, mlock(memory.get(), 8 * kPageSize));
              CHILD_CHECK_ERRNO(ENOMEM, mlockall(MCL_CURRENT));
              CHILD_CHECK_ERRNO(
                  EAGAIN, mremap(memory.get(), 4 * kPageSize, 16 * kPageSize, MREMAP_MAYMOVE));
              CHILD_CHECK_ERRNO(EAGAIN, mmap(nullptr, 8 * kPageSize, kReadWrite,
                                             kPrivateAnonymous | MAP_LOCKED, -1, 0));
              limit = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
              CHILD_CHECK_ERRNO(EPERM, mlock(memory.get(), kPageSize));
              CHILD_CHECK_ERRNO(EPERM, mlockall(MCL_CURRENT));
            }),
            "exited 0");
}

TEST_F(MemoryAdviceTest, MlockallOfTheFutureLocksWhatIsMappedLater) {
  EXPECT_EQ(RunInChild([] {
              if (geteuid() == 0) {
                CHILD_CHECK(setresuid(54321, 54321, 54321) == 0);
              }
              rlimit limit = {8 * kPageSize, 8 * kPageSize};
              CHILD_CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
              CHILD_CHECK(mlockall(MCL_FUTURE) == 0);
              void* memory = mmap(nullptr, 4 * kPageSize, kReadWrite, kPrivateAnonymous, -1, 0);
              CHILD_CHECK(memory != MAP_FAILED);
              CHILD_CHECK_ERRNO(EBUSY, msync(memory, kPageSize, MS_INVALIDATE));
              CHILD_CHECK_ERRNO(
                  EAGAIN, mmap(nullptr, 16 * kPageSize, kReadWrite, kPrivateAnonymous, -1, 0));
              CHILD_CHECK(munlockall() == 0);
              CHILD_CHECK(msync(memory, kPageSize, MS_INVALIDATE) == 0);
              CHILD_CHECK(mmap(nullptr, 16 * kPageSize, kReadWrite, kPrivateAnonymous, -1, 0) !=
                          MAP_FAILED);
            }),
            "exited 0");
}

TEST_F(MemoryAdviceTest, MsyncOfAnonymousMemorySucceedsAndChecksItsArguments) {
  Mapping memory(3);
  EXPECT_EQ(msync(memory.get(), memory.size(), MS_SYNC), 0);
  EXPECT_EQ(msync(memory.get(), memory.size(), MS_ASYNC | MS_INVALIDATE), 0);
  EXPECT_ERRNO(EINVAL, msync(memory.get(), kPageSize, MS_SYNC | MS_ASYNC));
  EXPECT_ERRNO(EINVAL, msync(memory.get(), kPageSize, 0x100));
  EXPECT_ERRNO(EINVAL, msync(memory.get() + 1, kPageSize, MS_SYNC));
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(ENOMEM, msync(memory.get(), memory.size(), MS_SYNC));
  ASSERT_EQ(mlock(memory.get(), kPageSize), 0);
  EXPECT_ERRNO(EBUSY, msync(memory.get(), kPageSize, MS_INVALIDATE));
}

TEST_F(MemoryAdviceTest, ProcessVmReadsAndWritesTheCallersOwnMemory) {
  char source[] = "0123456789", target[11] = {};
  iovec local[2] = {{target, 4}, {target + 4, 6}};
  iovec remote[2] = {{source, 7}, {source + 7, 3}};
  EXPECT_EQ(process_vm_readv(getpid(), local, 2, remote, 2, 0), 10);
  EXPECT_STREQ(target, "0123456789");
  target[0] = 'x';
  EXPECT_EQ(process_vm_writev(getpid(), local, 1, remote, 1, 0), 4);
  EXPECT_STREQ(source, "x123456789");
}

TEST_F(MemoryAdviceTest, ProcessVmReadsAChildsMemory) {
  static int value = 1;
  Channel<> ready, go;
  const pid_t pid = ForkChild([&] {
    value = 77;
    ready.Send();
    go.Receive();
  });
  ready.Receive();
  int seen = 0;
  const iovec local = {&seen, sizeof(seen)}, remote = {&value, sizeof(value)};
  EXPECT_EQ(process_vm_readv(pid, &local, 1, &remote, 1, 0), 4);
  EXPECT_EQ(seen, 77);
  EXPECT_EQ(value, 1);
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 0");
  EXPECT_ERRNO(ESRCH, process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

TEST_F(MemoryAdviceTest, ProcessVmRefusesBadArguments) {
  Mapping memory(2);
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  std::vector<char> buffer(2 * kPageSize);
  const iovec local = {buffer.data(), buffer.size()};
  const iovec hole = {memory.page(1), kPageSize}, half = {memory.get(), 2 * kPageSize};
  EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &local, 1, &hole, 1, 0));
  EXPECT_EQ(process_vm_readv(getpid(), &local, 1, &half, 1, 0), static_cast<ssize_t>(kPageSize));
  EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &local, 1, &hole, 1, 1));
  EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &local, 2000, &hole, 1, 0));
  EXPECT_ERRNO(EINVAL, process_vm_readv(getpid(), &local, 1, &hole, 2000, 0));
  EXPECT_ERRNO(ESRCH, process_vm_readv(INT_MAX, &local, 1, &half, 1, 0));
  EXPECT_ERRNO(EFAULT, process_vm_writev(getpid(), &local, 1, &hole, 1, 0));
  EXPECT_ERRNO(EFAULT, process_vm_writev(getpid(), &hole, 1, &local, 1, 0));
  EXPECT_ERRNO(EINVAL, process_vm_writev(getpid(), &local, 1, &half, 1, 1));
  EXPECT_ERRNO(ESRCH, process_vm_writev(INT_MAX, &local, 1, &half, 1, 0));
  // With nothing to copy nobody looks at the other side.
  EXPECT_EQ(process_vm_readv(INT_MAX, nullptr, 0, nullptr, 2000, 0), 0);
  EXPECT_EQ(process_vm_writev(INT_MAX, nullptr, 0, nullptr, 2000, 0), 0);
}

}  // namespace
}  // namespace compat

// Errnos not provoked here:
// - EIO, EHWPOISON, EAGAIN of madvise and mincore: failing hardware or a busy host.
// - EPERM of process_vm_readv: needs two users; credentials_test.cc checks who may signal whom.
// - ENOMEM of mlock for too many mappings: the scale test's.
