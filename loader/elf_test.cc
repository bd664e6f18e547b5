#include "loader/elf.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <fstream>
#include <iterator>
#include <random>

#include "loader/testing_image.h"

namespace ukrun {
namespace {

using testing::FixedImage;
using testing::kTestCodeOffset;
using testing::kTestFixedAddress;
using testing::MalformedImages;
using testing::MalformedInterpreters;
using testing::MemoryImage;
using testing::NamedImage;
using testing::PieImage;
using testing::TestImage;
using testing::WhatIsWrongWith;

LoadPlan MustPlan(const TestImage& image) {
  MemoryImage source(image.Build());
  Result<LoadPlan> plan = PlanElf(source);
  EXPECT_TRUE(plan.ok()) << plan.error();
  return plan.ok() ? *plan : LoadPlan{};
}

TEST(ElfTest, AFixedProgramIsMappedWhereItsFileSays) {
  LoadPlan plan = MustPlan(FixedImage());
  EXPECT_EQ(plan.type, LoadPlan::Type::kFixed);
  EXPECT_EQ(plan.deferred_errno, 0);
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].address, kTestFixedAddress);
  EXPECT_EQ(plan.segments[0].file_offset, 0u);
  EXPECT_EQ(plan.segments[0].file_bytes, 0x1000u);
  EXPECT_EQ(plan.segments[0].zero_bytes, 0u);
  EXPECT_EQ(plan.segments[0].anonymous_bytes, 0u);
  EXPECT_EQ(plan.segments[0].protection, PROT_READ | PROT_EXEC);
  EXPECT_EQ(plan.entry, kTestFixedAddress + kTestCodeOffset);
  EXPECT_EQ(plan.phdr_address, kTestFixedAddress + 64);
  EXPECT_EQ(plan.phdr_count, 1);
  EXPECT_EQ(plan.brk, kTestFixedAddress + 0x1000);
  EXPECT_EQ(plan.span_begin, kTestFixedAddress);
  EXPECT_EQ(plan.span_bytes, 0x1000u);
  EXPECT_FALSE(plan.interpreter.has_value());
  EXPECT_FALSE(plan.executable_stack);
}

TEST(ElfTest, ZeroesTheRestOfTheLastPageAndMapsAnonymousMemoryBehindIt) {
  TestImage image = FixedImage();
  image.load().p_flags = abi::kElfRead | abi::kElfWrite;
  image.load().p_filesz = 0xa10;
  image.load().p_memsz = 0x2345;
  LoadPlan plan = MustPlan(image);
  ASSERT_EQ(plan.segments.size(), 1u);
  const LoadSegment& segment = plan.segments[0];
  EXPECT_EQ(segment.file_bytes, 0x1000u);
  EXPECT_EQ(segment.zero_address, kTestFixedAddress + 0xa10);
  EXPECT_EQ(segment.zero_bytes, 0x1000u - 0xa10);
  EXPECT_EQ(segment.anonymous_address, kTestFixedAddress + 0x1000);
  EXPECT_EQ(segment.anonymous_bytes, 0x2000u);
  EXPECT_EQ(segment.anonymous_protection, PROT_READ | PROT_WRITE);
  EXPECT_EQ(plan.brk, kTestFixedAddress + 0x2345);
}

TEST(ElfTest, AReadOnlySegmentIsNotZeroedButItsTailIsWritable) {
  TestImage image = FixedImage();
  image.load().p_filesz = 0xa10;
  image.load().p_memsz = 0x2345;
  LoadPlan plan = MustPlan(image);
  ASSERT_EQ(plan.segments.size(), 1u);
  EXPECT_EQ(plan.segments[0].zero_bytes, 0u);
  EXPECT_EQ(plan.segments[0].anonymous_protection, PROT_READ | PROT_WRITE | PROT_EXEC);
}

TEST(ElfTest, ASegmentWithoutFileBytesIsAnonymousFromItsFirstPage) {
  TestImage image = FixedImage();
  abi::ElfProgramHeader& bss = image.Add(abi::ElfSegmentType::kLoad);
  bss.p_flags = abi::kElfRead | abi::kElfWrite;
  bss.p_vaddr = 0x500123;
  bss.p_offset = 7;  // of no importance without file bytes
  bss.p_memsz = 0xfff;
  LoadPlan plan = MustPlan(image);
  ASSERT_EQ(plan.segments.size(), 2u);
  EXPECT_EQ(plan.segments[1].file_bytes, 0u);
  EXPECT_EQ(plan.segments[1].anonymous_address, 0x500000u);
  EXPECT_EQ(plan.segments[1].anonymous_bytes, 0x2000u);
  EXPECT_EQ(plan.span_bytes, 0x502000 - kTestFixedAddress);
}

TEST(ElfTest, TheFirstInterpreterAndTheLastStackHeaderCount) {
  TestImage image = PieImage();
  image.AddInterpreter("/lib/ld.so");
  image.Add(abi::ElfSegmentType::kInterpreter).p_filesz = 1;
  image.Add(abi::ElfSegmentType::kGnuStack).p_flags = abi::kElfExecute;
  image.Add(abi::ElfSegmentType::kGnuStack).p_flags = 0;
  LoadPlan plan = MustPlan(image);
  EXPECT_EQ(plan.interpreter, "/lib/ld.so");
  EXPECT_FALSE(plan.executable_stack);
  image.table.back().p_flags = abi::kElfExecute;
  EXPECT_TRUE(MustPlan(image).executable_stack);
}

TEST(ElfTest, AlignmentIsTheLargestPowerOfTwo) {
  TestImage image = PieImage();
  EXPECT_EQ(MustPlan(image).alignment, 0x1000u);
  image.load().p_align = 0;
  EXPECT_EQ(MustPlan(image).alignment, 0x1000u);
  image.load().p_align = 0x300000;
  EXPECT_EQ(MustPlan(image).alignment, 0x1000u);
  image.load().p_align = uint64_t{1} << 63;
  EXPECT_EQ(MustPlan(image).alignment, uint64_t{1} << 63);
}

TEST(ElfTest, TheProgramHeadersNeedNotBeMapped) {
  TestImage image = PieImage();
  image.load().p_offset = 0x1000;
  image.file_bytes = 0x3000;
  EXPECT_EQ(MustPlan(image).phdr_address, 0u);
}

TEST(ElfTest, CodeAndDataAreDescribedAsOnLinux) {
  TestImage image = FixedImage();
  abi::ElfProgramHeader& data = image.Add(abi::ElfSegmentType::kLoad);
  data.p_flags = abi::kElfRead | abi::kElfWrite;
  data.p_vaddr = 0x600010;
  data.p_offset = 0x10;
  data.p_filesz = 0x20;
  data.p_memsz = 0x40;
  LoadPlan plan = MustPlan(image);
  EXPECT_EQ(plan.code_begin, kTestFixedAddress);
  EXPECT_EQ(plan.code_end, kTestFixedAddress + 0x1000);
  EXPECT_EQ(plan.data_begin, 0x600010u);
  EXPECT_EQ(plan.data_end, 0x600030u);
}

TEST(ElfTest, AnErrorOfTheFileIsHandedOnWhereLinuxDoes) {
  class Failing final : public ImageSource {
   public:
    Result<size_t> ReadAt(uint64_t, std::span<std::byte>) override { return Fail(EISDIR); }
    uint64_t size() const override { return 4096; }
  } failing;
  EXPECT_EQ(PlanElf(failing).error(), EISDIR);
  EXPECT_EQ(PlanInterpreter(failing).error(), EISDIR);
}

TEST(ElfTest, ASourceMayGiveItsBytesPieceByPiece) {
  class Slow final : public ImageSource {
   public:
    Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
      return whole.ReadAt(offset, out.first(std::min(out.size(), size_t{3})));
    }
    uint64_t size() const override { return whole.size(); }
    MemoryImage whole{PieImage().Build()};
  } slow;
  Result<LoadPlan> plan = PlanElf(slow);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->segments.size(), 1u);
}

TEST(ElfTest, EveryUsablePlanIsSane) {
  for (const NamedImage& image : MalformedImages("/nonexistent")) {
    SCOPED_TRACE(image.name);
    MemoryImage source(image.bytes);
    Result<LoadPlan> plan = PlanElf(source);
    EXPECT_EQ(plan.ok() ? WhatIsWrongWith(*plan) : "", "");
  }
  for (const NamedImage& image : MalformedInterpreters()) {
    SCOPED_TRACE(image.name);
    MemoryImage source(image.bytes);
    Result<LoadPlan> plan = PlanInterpreter(source);
    EXPECT_EQ(plan.ok() ? WhatIsWrongWith(*plan) : "", "");
  }
}

// The fuzz targets go further; this much runs everywhere.
TEST(ElfTest, RandomlySpoiltPlansAreSane) {
  std::mt19937_64 random(20240229);
  TestImage image = PieImage();
  image.AddInterpreter("/lib/ld.so");
  abi::ElfProgramHeader load = image.load();
  image.Add(abi::ElfSegmentType::kLoad) = load;
  std::vector<std::byte> sane = image.Build();
  size_t head = sizeof(abi::ElfHeader) + 3 * sizeof(abi::ElfProgramHeader);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes = sane;
    for (uint64_t change = random() % 6; change < 6; ++change) {
      static constexpr std::array<uint8_t, 6> kValues = {0, 1, 0x0f, 0x7f, 0x80, 0xff};
      // The machine and the identity stay, or little else would be tried.
      size_t at = 24 + random() % (head - 24);
      bytes[at] = std::byte{kValues[random() % kValues.size()]};
    }
    MemoryImage source(bytes);
    Result<LoadPlan> plan = PlanElf(source);
    ASSERT_EQ(plan.ok() ? WhatIsWrongWith(*plan) : "", "") << "round " << round;
    Result<LoadPlan> interpreter = PlanInterpreter(source);
    ASSERT_EQ(interpreter.ok() ? WhatIsWrongWith(*interpreter) : "", "") << "round " << round;
  }
}

TEST(ElfTest, PlansTheSystemsOwnPrograms) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  MemoryImage source(testing::Bytes(text));
  Result<LoadPlan> plan = PlanElf(source);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->deferred_errno, 0);
  EXPECT_GE(plan->segments.size(), 2u);
  EXPECT_NE(plan->phdr_address, 0u);
  EXPECT_EQ(WhatIsWrongWith(*plan), "");
}

}  // namespace
}  // namespace ukrun
