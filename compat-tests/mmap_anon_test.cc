// mmap(2) of anonymous memory, munmap(2), mprotect(2), brk(2). mremap_test.cc,
// memory_advice_test.cc and proc_maps_test.cc belong to the same family.

#include <sys/resource.h>

#include <thread>

#include "compat-tests/util/process_memory_util.h"
#include "compat-tests/util/process_signal_util.h"

namespace compat {
namespace {

class MmapAnonTest : public DeadlineTest {};

void* Map(void* hint, size_t size, int protection = kReadWrite, int flags = kPrivateAnonymous) {
  return mmap(hint, size, protection, flags, -1, 0);
}

TEST_F(MmapAnonTest, NewMemoryReadsAsZero) {
  Mapping memory(16);
  for (size_t i = 0; i < memory.size(); ++i) {
    ASSERT_EQ(memory.get()[i], 0);
  }
}

TEST_F(MmapAnonTest, SizeIsRoundedUpToAPage) {
  void* address = Map(nullptr, 1);
  ASSERT_NE(address, MAP_FAILED);
  EXPECT_EQ(reinterpret_cast<uint64_t>(address) % kPageSize, 0u);
  static_cast<char*>(address)[kPageSize - 1] = 1;
  EXPECT_EQ(munmap(address, 1), 0);
  EXPECT_FALSE(IsMapped(address));
}

TEST_F(MmapAnonTest, FreeHintIsTaken) {
  Mapping place(4);
  char* hint = place.page(1);
  ASSERT_EQ(munmap(hint, kPageSize), 0);
  EXPECT_EQ(Map(hint, kPageSize), hint);
}

TEST_F(MmapAnonTest, UnalignedHintIsRoundedAndNotRefused) {
  Mapping place(4);
  char* hint = place.page(1);
  ASSERT_EQ(munmap(hint, kPageSize), 0);
  EXPECT_EQ(Map(hint + 123, kPageSize), hint);
}

TEST_F(MmapAnonTest, OccupiedHintGivesAnotherPlace) {
  Mapping taken(2);
  taken.get()[0] = 5;
  void* other = Map(taken.get(), 2 * kPageSize);
  ASSERT_NE(other, MAP_FAILED);
  EXPECT_NE(other, taken.get());
  EXPECT_EQ(taken.get()[0], 5);
  munmap(other, 2 * kPageSize);
}

TEST_F(MmapAnonTest, FixedReplacesWhatIsThere) {
  Mapping memory(3);
  memset(memory.get(), 7, memory.size());
  EXPECT_EQ(Map(memory.page(1), kPageSize, kReadWrite, kPrivateAnonymous | MAP_FIXED),
            memory.page(1));
  EXPECT_EQ(*memory.page(0), 7);
  EXPECT_EQ(*memory.page(1), 0);
  EXPECT_EQ(*memory.page(2), 7);
}

TEST_F(MmapAnonTest, FixedNoreplaceFailsWithEexistOnAnyOverlap) {
  Mapping memory(3);
  const int flags = kPrivateAnonymous | MAP_FIXED_NOREPLACE;
  EXPECT_ERRNO(EEXIST, Map(memory.page(1), kPageSize, kReadWrite, flags));
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(EEXIST, Map(memory.page(1), 2 * kPageSize, kReadWrite, flags));
  EXPECT_EQ(Map(memory.page(1), kPageSize, kReadWrite, flags), memory.page(1));
}

TEST_F(MmapAnonTest, Map32bitStaysBelowTwoGigabytes) {
  void* address = Map(nullptr, kPageSize, kReadWrite, kPrivateAnonymous | MAP_32BIT);
  ASSERT_NE(address, MAP_FAILED);
  EXPECT_LT(reinterpret_cast<uint64_t>(address), 1ULL << 31);
  munmap(address, kPageSize);
}

TEST_F(MmapAnonTest, PopulatedAndUnreservedMemoryWorks) {
  for (const int flag : {MAP_POPULATE, MAP_NORESERVE, MAP_STACK, MAP_DENYWRITE}) {
    Mapping memory(4, kReadWrite, kPrivateAnonymous | flag);
    memory.get()[0] = 1;
    EXPECT_EQ(memory.page(3)[0], 0);
  }
}

TEST_F(MmapAnonTest, LargeSparseReservationCostsNothing) {
  const size_t size = size_t{1} << 38;  // 256 GiB.
  void* address = Map(nullptr, size, PROT_NONE, kPrivateAnonymous | MAP_NORESERVE);
  ASSERT_NE(address, MAP_FAILED);
  auto* middle = static_cast<char*>(address) + size / 2;
  ASSERT_EQ(mprotect(middle, kPageSize, kReadWrite), 0);
  *middle = 1;
  EXPECT_EQ(munmap(address, size), 0);
}

TEST_F(MmapAnonTest, SharedMemoryIsSharedOverFork) {
  Mapping memory(1, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  EXPECT_EQ(RunInChild([&] { memory.get()[10] = 9; }), "exited 0");
  EXPECT_EQ(memory.get()[10], 9);
  Channel<> go;
  const pid_t pid = ForkChild([&] {
    go.Receive();
    return memory.get()[11];
  });
  memory.get()[11] = 33;
  go.Send();
  EXPECT_EQ(WaitFor(pid), "exited 33");
}

TEST_F(MmapAnonTest, PrivateMemoryIsCopiedOnWriteAfterFork) {
  Mapping memory(2);
  memory.get()[0] = 1;
  EXPECT_EQ(RunInChild([&] {
              memory.get()[0] = 2;
              memory.page(1)[0] = 3;
            }),
            "exited 0");
  EXPECT_EQ(memory.get()[0], 1);
  EXPECT_EQ(memory.page(1)[0], 0);
}

TEST_F(MmapAnonTest, UnmappingTheMiddleLeavesBothEnds) {
  Mapping memory(5);
  memset(memory.get(), 3, memory.size());
  ASSERT_EQ(munmap(memory.page(2), kPageSize), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2,rw-p 2");
  EXPECT_EQ(*memory.page(1), 3);
  EXPECT_EQ(*memory.page(3), 3);
  EXPECT_TRUE(ReadFaults(memory.page(2)));
}

TEST_F(MmapAnonTest, UnmappingNothingSucceeds) {
  Mapping memory(2);
  ASSERT_EQ(munmap(memory.get(), memory.size()), 0);
  EXPECT_EQ(munmap(memory.get(), memory.size()), 0);
}

TEST_F(MmapAnonTest, UnmappingSpansHolesAndSeveralMappings) {
  Mapping memory(6);
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  ASSERT_EQ(mprotect(memory.page(3), kPageSize, PROT_READ), 0);
  EXPECT_EQ(munmap(memory.page(0), 5 * kPageSize), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 1");
}

TEST_F(MmapAnonTest, ProtectionIsEnforced) {
  Mapping memory(4);
  ASSERT_EQ(mprotect(memory.page(1), kPageSize, PROT_READ), 0);
  ASSERT_EQ(mprotect(memory.page(2), kPageSize, PROT_NONE), 0);
  EXPECT_FALSE(WriteFaults(memory.page(0)));
  EXPECT_FALSE(ReadFaults(memory.page(1)));
  EXPECT_TRUE(WriteFaults(memory.page(1)));
  EXPECT_TRUE(ReadFaults(memory.page(2)));
  EXPECT_FALSE(WriteFaults(memory.page(3)));
}

TEST_F(MmapAnonTest, WriteOnlyMemoryCanBeReadOnThisArchitecture) {
  Mapping memory(1, PROT_WRITE);
  memory.get()[0] = 4;
  EXPECT_EQ(memory.get()[0], 4);
}

TEST_F(MmapAnonTest, ProtectionKeepsTheContent) {
  Mapping memory(1);
  memory.get()[5] = 6;
  ASSERT_EQ(mprotect(memory.get(), kPageSize, PROT_NONE), 0);
  ASSERT_EQ(mprotect(memory.get(), kPageSize, PROT_READ), 0);
  EXPECT_EQ(memory.get()[5], 6);
}

TEST_F(MmapAnonTest, CodeWrittenByTheProgramRuns) {
  Mapping memory(1);
  const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3};  // mov $42, %eax; ret
  memcpy(memory.get(), code, sizeof(code));
  ASSERT_EQ(mprotect(memory.get(), kPageSize, PROT_READ | PROT_EXEC), 0);
  EXPECT_EQ(reinterpret_cast<int (*)()>(memory.get())(), 42);
  ASSERT_EQ(mprotect(memory.get(), kPageSize, kReadWrite), 0);
  memory.get()[1] = 0x2b;
  ASSERT_EQ(mprotect(memory.get(), kPageSize, PROT_READ | PROT_EXEC), 0);
  EXPECT_EQ(reinterpret_cast<int (*)()>(memory.get())(), 43);
}

TEST_F(MmapAnonTest, WritableAndExecutableMemoryRunsWhatWasWrittenLast) {
  Mapping memory(1, kReadWrite | PROT_EXEC);
  const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xc3};
  memcpy(memory.get(), code, sizeof(code));
  for (char i = 0; i < 20; ++i) {
    memory.get()[1] = i;
    ASSERT_EQ(reinterpret_cast<int (*)()>(memory.get())(), i);
  }
}

TEST_F(MmapAnonTest, GrowsdownMappingGrowsOnAccessBelow) {
  Mapping place(512, PROT_NONE);
  char* top = place.page(500);
  ASSERT_EQ(munmap(place.get(), 500 * kPageSize), 0);
  ASSERT_EQ(Map(top, kPageSize, kReadWrite, kPrivateAnonymous | MAP_FIXED | MAP_GROWSDOWN), top);
  top[-1] = 5;
  EXPECT_EQ(top[-1], 5);
  EXPECT_EQ(DescribeMaps(top - kPageSize, 2 * kPageSize), "rw-p 2");
  munmap(top - kPageSize, 2 * kPageSize);
}

TEST_F(MmapAnonTest, GrowsdownStopsAtItsNeighbourAndItsLimit) {
  Mapping place(1024, PROT_NONE);
  char* top = place.page(1000);
  ASSERT_EQ(munmap(place.page(100), 900 * kPageSize), 0);
  ASSERT_EQ(mprotect(place.page(99), kPageSize, kReadWrite), 0);
  ASSERT_EQ(Map(top, kPageSize, kReadWrite, kPrivateAnonymous | MAP_FIXED | MAP_GROWSDOWN), top);
  EXPECT_EQ(RunInChild([&] {
              const rlimit none = {0, 0};
              CHILD_CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
              place.page(360)[0] = 1;  // farther from the neighbour than the guard
              place.page(340)[0] = 1;
            }),
            "killed by 11");
  EXPECT_EQ(RunInChild([&] {
              const rlimit none = {0, 0}, small = {64 * kPageSize, 64 * kPageSize};
              CHILD_CHECK(setrlimit(RLIMIT_CORE, &none) == 0);
              CHILD_CHECK(setrlimit(RLIMIT_STACK, &small) == 0);
              place.page(940)[0] = 1;
              place.page(930)[0] = 1;
            }),
            "killed by 11");
  EXPECT_EQ(RunInChild([&] {
              // The kernel's own accesses make it grow too.
              const int zero = open("/dev/zero", O_RDONLY);
              CHILD_CHECK(read(zero, place.page(990), 100) == 100);
              CHILD_CHECK(mprotect(top, kPageSize, PROT_READ | PROT_GROWSDOWN) == 0);
              CHILD_CHECK_ERRNO(EFAULT, read(zero, place.page(995), 1));
            }),
            "exited 0");
  munmap(place.page(100), 900 * kPageSize);
}

TEST_F(MmapAnonTest, GrowsdownIsForPrivateAnonymousMemory) {
  EXPECT_ERRNO(EINVAL,
               Map(nullptr, kPageSize, kReadWrite, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN));
  const int file = open("/bin/sh", O_RDONLY);
  EXPECT_ERRNO(EINVAL, mmap(nullptr, kPageSize, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, file, 0));
  close(file);
  Mapping memory(1);
  EXPECT_ERRNO(EINVAL, mprotect(memory.get(), kPageSize, PROT_READ | PROT_GROWSDOWN));
  EXPECT_ERRNO(EINVAL, mprotect(memory.get(), kPageSize, PROT_READ | PROT_GROWSUP));
}

TEST_F(MmapAnonTest, MemoryOfManyThreadsIsShared) {
  Mapping memory(1);
  std::thread([&] { memory.get()[0] = 8; }).join();
  EXPECT_EQ(memory.get()[0], 8);
}

TEST_F(MmapAnonTest, MmapRefusesBadArguments) {
  EXPECT_ERRNO(EINVAL, Map(nullptr, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, kPageSize, PROT_READ, MAP_ANONYMOUS, -1, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, kPageSize, PROT_READ, 0x0f | MAP_ANONYMOUS, -1, 0));
  EXPECT_ERRNO(EINVAL, mmap(nullptr, kPageSize, PROT_READ, kPrivateAnonymous, -1, 1));
  auto* unaligned = reinterpret_cast<void*>(0x10000001);
  EXPECT_ERRNO(EINVAL, Map(unaligned, kPageSize, PROT_READ, kPrivateAnonymous | MAP_FIXED));
  EXPECT_ERRNO(EBADF, mmap(nullptr, kPageSize, PROT_READ, MAP_PRIVATE, -1, 0));
  EXPECT_ERRNO(ENOMEM, Map(nullptr, size_t{1} << 47));
  EXPECT_ERRNO(ENOMEM, Map(nullptr, ~size_t{0}));
  auto* beyond = reinterpret_cast<void*>(0x7fff'ffff'f000);
  EXPECT_ERRNO(ENOMEM, Map(beyond, kPageSize, PROT_READ, kPrivateAnonymous | MAP_FIXED));
}

TEST_F(MmapAnonTest, MunmapRefusesBadArguments) {
  Mapping memory(2);
  EXPECT_ERRNO(EINVAL, munmap(memory.get() + 1, kPageSize));
  EXPECT_ERRNO(EINVAL, munmap(memory.get(), 0));
  EXPECT_ERRNO(EINVAL, munmap(reinterpret_cast<void*>(0x8000'0000'0000), kPageSize));
  EXPECT_ERRNO(EINVAL, munmap(memory.get(), size_t{1} << 48));
}

TEST_F(MmapAnonTest, MprotectRefusesBadArgumentsAndStopsAtHoles) {
  Mapping memory(3);
  EXPECT_ERRNO(EINVAL, mprotect(memory.get() + 1, kPageSize, PROT_READ));
  EXPECT_ERRNO(EINVAL, mprotect(memory.get(), kPageSize, 0x100));
  EXPECT_ERRNO(EINVAL, mprotect(memory.get(), kPageSize, PROT_GROWSDOWN | PROT_GROWSUP));
  EXPECT_EQ(mprotect(memory.get(), 0, PROT_READ), 0);
  ASSERT_EQ(munmap(memory.page(1), kPageSize), 0);
  EXPECT_ERRNO(ENOMEM, mprotect(memory.get(), 3 * kPageSize, PROT_READ));
  EXPECT_EQ(DescribeMaps(memory), "r--p 1,rw-p 1");  // What comes before the hole is done.
  EXPECT_ERRNO(ENOMEM, mprotect(memory.page(1), kPageSize, PROT_READ));
}

TEST_F(MmapAnonTest, AddressSpaceLimitIsKept) {
  EXPECT_EQ(RunInChild([] {
              const rlimit limit = {size_t{1} << 30, size_t{1} << 30};
              CHILD_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
              CHILD_CHECK_ERRNO(ENOMEM, Map(nullptr, size_t{1} << 30));
              CHILD_CHECK(Map(nullptr, size_t{1} << 24) != MAP_FAILED);
            }),
            "exited 0");
}

TEST_F(MmapAnonTest, BreakGrowsAndShrinksZeroedMemory) {
  EXPECT_EQ(RunInChild([] {
              auto* start = static_cast<char*>(sbrk(0));
              CHILD_CHECK(brk(start + 10 * kPageSize) == 0);
              CHILD_CHECK(sbrk(0) == start + 10 * kPageSize);
              for (size_t i = 0; i < 10 * kPageSize; ++i) {
                CHILD_CHECK(start[i] == 0);
              }
              memset(start, 1, 10 * kPageSize);
              CHILD_CHECK(brk(start + 1) == 0);
              CHILD_CHECK(start[0] == 1);
              CHILD_CHECK(brk(start + 10 * kPageSize) == 0);
              CHILD_CHECK(start[9 * kPageSize] == 0);
              CHILD_CHECK(brk(start) == 0);
            }),
            "exited 0");
}

TEST_F(MmapAnonTest, RawBreakReturnsTheOldOneWhenRefused) {
  EXPECT_EQ(RunInChild([] {
              const long now = syscall(SYS_brk, 0);
              CHILD_CHECK(now > 0);
              CHILD_CHECK(syscall(SYS_brk, 1) == now);
              CHILD_CHECK(syscall(SYS_brk, 0x7fff'0000'0000) == now);
              CHILD_CHECK(syscall(SYS_brk, now + 100) == now + 100);
              CHILD_CHECK(syscall(SYS_brk, now) == now);
            }),
            "exited 0");
}

TEST_F(MmapAnonTest, DataLimitStopsTheBreak) {
  EXPECT_EQ(RunInChild([] {
              const rlimit limit = {1 << 20, 1 << 20};
              CHILD_CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
              CHILD_CHECK_ERRNO(ENOMEM, brk(static_cast<char*>(sbrk(0)) + (64 << 20)));
            }),
            "exited 0");
}

}  // namespace
}  // namespace compat

// Errnos not provoked here:
// - EACCES, ENODEV, ETXTBSY, EOVERFLOW: mappings of files (mmap_file).
// - EAGAIN, EPERM (locked or sealed memory): memory_advice_test.cc where a limit allows it.
// - ENFILE: a host condition. ENOMEM for vm.max_map_count: the scale test's.
