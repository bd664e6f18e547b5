// How mappings appear in /proc/self/maps: what is merged, what is split, what has a name.

#include <sys/prctl.h>

#include <thread>

#include "compat-tests/util/process_memory_util.h"

namespace compat {
namespace {

class ProcMapsTest : public DeadlineTest {};

TEST_F(ProcMapsTest, AdjacentMappingsOfOneKindAreOneLine) {
  Mapping place(6, PROT_NONE);
  for (size_t i = 0; i < 6; ++i) {
    ASSERT_EQ(mmap(place.page(i), kPageSize, kReadWrite, kPrivateAnonymous | MAP_FIXED, -1, 0),
              place.page(i));
  }
  EXPECT_EQ(DescribeMaps(place), "rw-p 6");
}

TEST_F(ProcMapsTest, ProtectionSplitsAndItsReturnMerges) {
  Mapping memory(5);
  ASSERT_EQ(mprotect(memory.page(2), kPageSize, PROT_READ), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2,r--p 1,rw-p 2");
  ASSERT_EQ(mprotect(memory.page(1), 3 * kPageSize, PROT_NONE), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 1,---p 3,rw-p 1");
  ASSERT_EQ(mprotect(memory.get(), memory.size(), kReadWrite), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 5");
}

TEST_F(ProcMapsTest, HoleThatIsFilledAgainMerges) {
  Mapping memory(5);
  ASSERT_EQ(munmap(memory.page(2), kPageSize), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2,rw-p 2");
  ASSERT_EQ(mmap(memory.page(2), kPageSize, kReadWrite, kPrivateAnonymous | MAP_FIXED, -1, 0),
            memory.page(2));
  EXPECT_EQ(DescribeMaps(memory), "rw-p 5");
}

TEST_F(ProcMapsTest, PermissionsAreSpelledAsLinuxSpellsThem) {
  const struct {
    int protection;
    const char* text;
  } kinds[] = {{PROT_NONE, "---p 1"},
               {PROT_READ, "r--p 1"},
               {PROT_WRITE, "-w-p 1"},
               {PROT_EXEC, "--xp 1"},
               {PROT_READ | PROT_EXEC, "r-xp 1"},
               {kReadWrite | PROT_EXEC, "rwxp 1"}};
  for (const auto& kind : kinds) {
    Mapping memory(1, kReadWrite);
    ASSERT_EQ(mprotect(memory.get(), kPageSize, kind.protection), 0);
    const auto lines = MapsOf(memory.get(), kPageSize);
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines[0].permissions, std::string(kind.text).substr(0, 4));
  }
}

TEST_F(ProcMapsTest, SharedAnonymousMemoryIsADeletedFileOfDevZero) {
  Mapping memory(2, kReadWrite, MAP_SHARED | MAP_ANONYMOUS);
  const auto lines = MapsOf(memory.get(), memory.size());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].permissions, "rw-s");
  EXPECT_EQ(lines[0].name, "/dev/zero (deleted)");
}

TEST_F(ProcMapsTest, PartsOfAFileMergeWhenTheirOffsetsContinue) {
  const Fd file(memfd_create("merge", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 8 * kPageSize), 0);
  Mapping place(4, PROT_NONE);
  const auto map = [&](size_t page, off_t file_page) {
    return mmap(place.page(page), kPageSize, PROT_READ, MAP_SHARED | MAP_FIXED, file.get(),
                file_page * static_cast<off_t>(kPageSize));
  };
  ASSERT_NE(map(0, 2), MAP_FAILED);
  ASSERT_NE(map(1, 3), MAP_FAILED);
  ASSERT_NE(map(2, 7), MAP_FAILED);
  EXPECT_EQ(DescribeMaps(place), "r--s 2,r--s 1,---p 1");
  const auto lines = MapsOf(place.get(), place.size());
  EXPECT_EQ(lines[0].offset, 2 * kPageSize);
  EXPECT_EQ(lines[1].offset, 7 * kPageSize);
  EXPECT_EQ(lines[0].name, "/memfd:merge (deleted)");
}

TEST_F(ProcMapsTest, SplittingAFileMappingAdjustsTheOffset) {
  const Fd file(memfd_create("split", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 4 * kPageSize), 0);
  auto* memory =
      static_cast<char*>(mmap(nullptr, 4 * kPageSize, PROT_READ, MAP_SHARED, file.get(), 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(munmap(memory + kPageSize, kPageSize), 0);
  const auto lines = MapsOf(memory, 4 * kPageSize);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].offset, 0u);
  EXPECT_EQ(lines[1].offset, 2 * kPageSize);
  munmap(memory, 4 * kPageSize);
}

TEST_F(ProcMapsTest, LockingSplitsAndUnlockingMerges) {
  Mapping memory(3);
  ASSERT_EQ(mlock(memory.page(1), kPageSize), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 1,rw-p 1,rw-p 1");
  ASSERT_EQ(munlock(memory.page(1), kPageSize), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 3");
}

TEST_F(ProcMapsTest, AdviceThatIsKeptSplits) {
  Mapping memory(3);
  ASSERT_EQ(madvise(memory.page(1), kPageSize, MADV_DONTFORK), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 1,rw-p 1,rw-p 1");
  ASSERT_EQ(madvise(memory.page(1), kPageSize, MADV_DOFORK), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 3");
}

TEST_F(ProcMapsTest, StackHeapAndProgramHaveNames) {
  int on_stack = 0;
  static int in_data = 1;
  const auto stack = MapsOf(&on_stack, 1);
  ASSERT_EQ(stack.size(), 1u);
  EXPECT_EQ(stack[0].name, "[stack]");
  EXPECT_EQ(stack[0].permissions.substr(0, 2), "rw");

  const auto heap = MapsOf(static_cast<char*>(sbrk(0)) - 1, 1);
  ASSERT_EQ(heap.size(), 1u);
  EXPECT_EQ(heap[0].name, "[heap]");

  char program[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
  const auto data = MapsOf(&in_data, 1);
  ASSERT_EQ(data.size(), 1u);
  EXPECT_EQ(data[0].name, program);
  const auto text = MapsOf(reinterpret_cast<const void*>(&ReadMaps), 1);
  ASSERT_EQ(text.size(), 1u);
  EXPECT_EQ(text[0].permissions, "r-xp");
}

TEST_F(ProcMapsTest, VdsoIsListed) {
  bool has_vdso = false;
  for (const MapsLine& line : ReadMaps()) {
    has_vdso |= line.name == "[vdso]" && line.permissions == "r-xp";
  }
  EXPECT_TRUE(has_vdso);
}

TEST_F(ProcMapsTest, LinesAreSortedAndDoNotOverlap) {
  uint64_t end = 0;
  for (const MapsLine& line : ReadMaps()) {
    EXPECT_GE(line.start, end);
    EXPECT_GT(line.end, line.start);
    EXPECT_EQ(line.start % kPageSize, 0u);
    end = line.end;
  }
}

TEST_F(ProcMapsTest, HeapGrowsWithTheBreak) {
  EXPECT_EQ(RunInChild([] {
              auto* start = static_cast<char*>(sbrk(0));
              CHILD_CHECK(brk(start + 16 * kPageSize) == 0);
              const auto lines = MapsOf(start + 15 * kPageSize, 1);
              CHILD_CHECK(lines.size() == 1 && lines[0].name == "[heap]");
            }),
            "exited 0");
}

TEST_F(ProcMapsTest, ThreadStacksAreAnonymous) {
  std::thread([] {
    int on_stack = 0;
    const auto lines = MapsOf(&on_stack, 1);
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].name, "");
    EXPECT_EQ(lines[0].permissions, "rw-p");
  }).join();
}

TEST_F(ProcMapsTest, ChildHasTheSameMappings) {
  Mapping memory(3);
  ASSERT_EQ(mprotect(memory.page(1), kPageSize, PROT_READ), 0);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(DescribeMaps(memory) == "rw-p 1,r--p 1,rw-p 1"); }),
            "exited 0");
}

TEST_F(ProcMapsTest, ChangesInTheChildDoNotShowInTheParent) {
  Mapping memory(3);
  EXPECT_EQ(RunInChild([&] { CHILD_CHECK(munmap(memory.get(), memory.size()) == 0); }), "exited 0");
  EXPECT_EQ(DescribeMaps(memory), "rw-p 3");
}

TEST_F(ProcMapsTest, AThousandMappingsComeAndGo) {
  Mapping memory(2000);
  for (size_t i = 0; i < 2000; i += 2) {
    ASSERT_EQ(mprotect(memory.page(i), kPageSize, PROT_READ), 0);
  }
  EXPECT_EQ(MapsOf(memory.get(), memory.size()).size(), 2000u);
  ASSERT_EQ(mprotect(memory.get(), memory.size(), kReadWrite), 0);
  EXPECT_EQ(DescribeMaps(memory), "rw-p 2000");
}

}  // namespace
}  // namespace compat
