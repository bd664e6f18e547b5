#include "loader/layout.h"

#include <gtest/gtest.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>

#include "base/window.h"

namespace ukrun {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;

LayoutRandomBytes AllBytes(uint8_t value) {
  LayoutRandomBytes bytes;
  bytes.fill(std::byte{value});
  return bytes;
}

LoadPlan PieProgram(uint64_t bytes) {
  LoadPlan plan;
  plan.type = LoadPlan::Type::kPositionIndependent;
  plan.segments.resize(1);
  plan.segments[0].file_bytes = bytes;
  plan.span_bytes = bytes;
  plan.brk = bytes;
  plan.interpreter = "/lib64/ld-linux-x86-64.so.2";
  return plan;
}

LoadPlan FixedProgram(uint64_t address, uint64_t bytes) {
  LoadPlan plan = PieProgram(bytes);
  plan.type = LoadPlan::Type::kFixed;
  plan.span_begin = address;
  plan.first_address = address;
  plan.segments[0].address = address;
  plan.brk = address + bytes;
  return plan;
}

TEST(LayoutTest, WithoutRandomnessEverythingIsWhereDebuggersKnowIt) {
  LayoutInput input;
  input.stack_limit = 8 * kMiB;
  input.randomize = Randomize::kNo;
  input.random = AllBytes(0xff);  // must not matter
  Layout layout = ChooseLayout(input);
  EXPECT_EQ(layout.stack_top, 0x7fff'ffff'f000u);
  EXPECT_EQ(layout.mmap_base, 0x7fff'f7ff'f000u);
  EXPECT_EQ(layout.stack_shift, 0u);
  LoadPlan plan = PieProgram(0x5000);
  Placement placement = PlaceProgram(plan, layout);
  EXPECT_EQ(placement.kind, Placement::Kind::kBias);
  EXPECT_EQ(placement.bias, 0x5555'5555'4000u);
  EXPECT_EQ(ChooseBrkStart(plan, placement.bias, layout), 0x5555'5555'9000u);
}

TEST(LayoutTest, NothingChosenTouchesTheWindowWhateverTheRandomBytesAre) {
  for (uint64_t program_bytes :
       {uint64_t{4096}, kGiB, 600 * kGiB, 1000 * kGiB, 1800 * kGiB, 5000 * kGiB, 60'000 * kGiB}) {
    for (uint64_t stack_limit : {uint64_t{0}, 8 * kMiB, 37'000 * kGiB, 41'000 * kGiB, 41'500 * kGiB,
                                 45'000 * kGiB, ~uint64_t{0}, ~uint64_t{0} - 1}) {
      for (int value = 0; value < 256; ++value) {
        LayoutInput input;
        input.stack_limit = stack_limit;
        input.random = AllBytes(static_cast<uint8_t>(value));
        Layout layout = ChooseLayout(input);
        EXPECT_FALSE(TouchesWindow(layout.mmap_base - 1, 1));
        EXPECT_LE(layout.mmap_base, layout.stack_top);
        EXPECT_LT(layout.stack_shift, 8192u);
        EXPECT_GT(layout.stack_top, kUserEnd - 17 * kGiB);
        EXPECT_LE(layout.stack_top, kUserEnd);
        LoadPlan plan = PieProgram(program_bytes);
        uint64_t bias = PlaceProgram(plan, layout).bias;
        EXPECT_FALSE(TouchesWindow(bias, program_bytes));
        EXPECT_TRUE(CheckPlacement(plan, bias).ok());
        EXPECT_FALSE(TouchesWindow(ChooseBrkStart(plan, bias, layout), 1));
        plan.interpreter.reset();
        EXPECT_FALSE(TouchesWindow(ChooseBrkStart(plan, bias, layout), 1));
        input.direction = MmapDirection::kUp;
        EXPECT_LT(ChooseLayout(input).mmap_base, 0x2bab'0000'0000u);
      }
    }
  }
}

TEST(LayoutTest, MaximalRandomnessLeavesOrdinaryProgramsWhereLinuxPutsThem) {
  LayoutInput input;
  input.stack_limit = 8 * kMiB;
  input.random = AllBytes(0xff);
  Layout layout = ChooseLayout(input);
  uint64_t bias = PlaceProgram(PieProgram(kGiB), layout).bias;
  EXPECT_EQ(bias, kPieBase + (uint64_t{1} << 40) - kPageSize);
}

TEST(LayoutTest, LargeAlignmentsAreHonoured) {
  LayoutInput input;
  input.random = AllBytes(0x37);
  LoadPlan plan = PieProgram(kMiB);
  plan.alignment = 2 * kMiB;
  EXPECT_EQ(PlaceProgram(plan, ChooseLayout(input)).bias % (2 * kMiB), 0u);
  EXPECT_EQ(AlignFoundAddress(plan, 0x7f00'0012'3000), 0x7f00'0000'0000u);
}

TEST(LayoutTest, ProgramsWithoutInterpreterGoToTheMmapAreaAndTheirHeapDoesNot) {
  LayoutInput input;
  input.randomize = Randomize::kNo;
  Layout layout = ChooseLayout(input);
  LoadPlan plan = PieProgram(kMiB);
  plan.interpreter.reset();
  plan.first_address = 0x1000;
  plan.span_begin = 0x1000;
  EXPECT_EQ(PlaceProgram(plan, layout).kind, Placement::Kind::kSearch);
  uint64_t bias = BiasForAddress(plan, 0x7fff'f7e0'0000);
  EXPECT_EQ(bias, 0x7fff'f7df'f000u);
  EXPECT_EQ(ChooseBrkStart(plan, bias, layout), kPieBase);
}

TEST(LayoutTest, FixedProgramsStayOrFail) {
  Layout layout = ChooseLayout({});
  LoadPlan plan = FixedProgram(0x400000, kMiB);
  EXPECT_EQ(PlaceProgram(plan, layout).bias, 0u);
  EXPECT_EQ(PlaceProgram(plan, layout).kind, Placement::Kind::kBias);
  EXPECT_TRUE(CheckPlacement(plan, 0).ok());
  for (uint64_t address : {kWindowBegin, kWindowBegin - 4096, kWindowEnd - 4096,
                           kWindowBegin - kMiB + 4096, kWindowBegin + kGiB}) {
    EXPECT_EQ(CheckPlacement(FixedProgram(address, kMiB), 0).error(), ENOMEM);
  }
  EXPECT_TRUE(CheckPlacement(FixedProgram(kWindowBegin - kMiB, kMiB), 0).ok());
  EXPECT_TRUE(CheckPlacement(FixedProgram(kWindowEnd, kMiB), 0).ok());
  EXPECT_TRUE(CheckPlacement(FixedProgram(kUserEnd - kMiB, kMiB), 0).ok());
  EXPECT_EQ(CheckPlacement(FixedProgram(kUserEnd - kMiB + 4096, kMiB), 0).error(), ENOMEM);
  EXPECT_EQ(CheckPlacement(FixedProgram(0x1000, kMiB), ~uint64_t{0} - 0x1fff).error(), ENOMEM);
}

TEST(LayoutTest, AnEntryPointInTheWindowIsRefused) {
  LoadPlan plan = FixedProgram(0x400000, kMiB);
  plan.interpreter.reset();
  plan.entry = kWindowBegin + 0x1234;
  EXPECT_EQ(CheckPlacement(plan, 0).error(), EINVAL);
  plan.entry = kUserEnd;
  EXPECT_EQ(CheckPlacement(plan, 0).error(), EINVAL);
  // With an interpreter nobody but it uses the entry.
  plan.interpreter = "/ld.so";
  EXPECT_TRUE(CheckPlacement(plan, 0).ok());
}

TEST(LayoutTest, TheHeapOfAProgramBelowTheWindowBeginsBehindIt) {
  LayoutInput input;
  input.random = AllBytes(0xff);
  Layout layout = ChooseLayout(input);
  LoadPlan plan = FixedProgram(kWindowBegin - kMiB, kMiB);
  EXPECT_EQ(ChooseBrkStart(plan, 0, layout), kWindowEnd);
}

// What the running kernel does with randomness off, from a child's /proc/self/maps.
struct NativeLayout {
  uint64_t program = 0;
  uint64_t heap = 0;
  uint64_t highest_mapping_end = 0;  // below the stack
  uint64_t stack_end = 0;
};

NativeLayout RunWithoutRandomness(uint64_t stack_limit) {
  NativeLayout native;
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  pid_t child = fork();
  if (child == 0) {
    personality(ADDR_NO_RANDOMIZE);
    rlimit limit{};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = stack_limit;
    setrlimit(RLIMIT_STACK, &limit);
    dup2(fds[1], 1);
    execl("/bin/cat", "cat", "/proc/self/maps", nullptr);
    _exit(127);
  }
  close(fds[1]);
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t size;
  while ((size = read(fds[0], buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  close(fds[0]);
  waitpid(child, nullptr, 0);
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    uint64_t begin = 0;
    uint64_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    if (native.program == 0) {
      native.program = begin;
    }
    if (line.find("[heap]") != std::string::npos) {
      native.heap = begin;
    } else if (line.find("[stack]") != std::string::npos) {
      native.stack_end = end;
    } else if (native.stack_end == 0) {
      native.highest_mapping_end = end;
    }
  }
  return native;
}

TEST(LayoutTest, AgreesWithTheRunningKernel) {
  for (uint64_t stack_limit : {8 * kMiB, 64 * kMiB, 512 * kMiB}) {
    NativeLayout native = RunWithoutRandomness(stack_limit);
    if (native.stack_end == 0) {
      GTEST_SKIP() << "personality(ADDR_NO_RANDOMIZE) is refused here";
    }
    LayoutInput input;
    input.stack_limit = stack_limit;
    input.randomize = Randomize::kNo;
    Layout layout = ChooseLayout(input);
    EXPECT_EQ(layout.stack_top, native.stack_end);
    EXPECT_EQ(layout.mmap_base, native.highest_mapping_end);
    EXPECT_EQ(PlaceProgram(PieProgram(4096), layout).bias, native.program);
  }
}

}  // namespace
}  // namespace ukrun
