#include "loader/layout.h"

#include <algorithm>
#include <cstring>

#include "base/window.h"

namespace ukrun {
namespace {

// vm.mmap_rnd_bits of Debian's kernels: of a mmap base and a PIE base.
constexpr uint64_t kMmapRandomPages = uint64_t{1} << 28;
constexpr uint64_t kStackRandomPages = 0x40'0000;        // 16 GiB
constexpr uint64_t kBrkRandomPages = uint64_t{1} << 18;  // 1 GiB
constexpr uint64_t kStackShiftBytes = 8192;
constexpr uint64_t kStackGuardGap = 256 * kPageSize;
constexpr uint64_t kSmallestStackGap = uint64_t{128} << 20;
constexpr uint64_t kLargestStackGap = kUserEnd / 6 * 5;

// The layout's random numbers, in the order of the random bytes.
struct RandomNumbers {
  uint64_t stack = 0;
  uint64_t stack_shift = 0;
  uint64_t mmap = 0;
  uint64_t pie = 0;
  uint64_t brk = 0;
};
static_assert(sizeof(RandomNumbers) == sizeof(LayoutRandomBytes));

RandomNumbers TakeNumbers(const LayoutInput& input) {
  RandomNumbers numbers;
  if (input.randomize == Randomize::kYes) {
    std::memcpy(&numbers, input.random.data(), sizeof(numbers));
  }
  return numbers;
}

// As Linux's mmap_base: below the largest stack that may become.
uint64_t MmapBaseBelowStack(const LayoutInput& input, uint64_t offset) {
  uint64_t pad = kStackGuardGap;
  if (input.randomize == Randomize::kYes) {
    pad += (kStackRandomPages - 1) * kPageSize;
  }
  // A limit that would overflow is larger than the largest gap anyway.
  uint64_t gap = input.stack_limit > ~pad ? input.stack_limit : input.stack_limit + pad;
  gap = std::clamp(gap, kSmallestStackGap, kLargestStackGap);
  uint64_t base = PageCeil(kUserEnd - gap - offset);
  // With stack limits around 40 TiB.
  return base > kWindowBegin && base <= kWindowEnd ? kWindowBegin : base;
}

// As Linux computes load_bias from a chosen address: the pages of p_vaddr are kept even if
// p_vaddr itself is not on one.
uint64_t BiasForBase(const LoadPlan& plan, uint64_t base) {
  return PageFloor(base - plan.first_address);
}

bool SpanTouchesWindow(const LoadPlan& plan, uint64_t bias) {
  return TouchesWindow(plan.span_begin + bias, plan.span_bytes);
}

}  // namespace

Layout ChooseLayout(const LayoutInput& input) {
  RandomNumbers numbers = TakeNumbers(input);
  uint64_t mmap_offset = numbers.mmap % kMmapRandomPages * kPageSize;
  Layout layout;
  layout.direction = input.direction;
  layout.randomize = input.randomize;
  layout.stack_top = kUserEnd - numbers.stack % kStackRandomPages * kPageSize;
  layout.stack_shift = numbers.stack_shift % kStackShiftBytes;
  layout.mmap_base = input.direction == MmapDirection::kUp ? PageCeil(kUserEnd / 3) + mmap_offset
                                                           : MmapBaseBelowStack(input, mmap_offset);
  layout.pie_offset = numbers.pie % kMmapRandomPages * kPageSize;
  layout.brk_offset = numbers.brk % kBrkRandomPages * kPageSize;
  return layout;
}

Placement PlaceProgram(const LoadPlan& plan, const Layout& layout) {
  if (plan.type == LoadPlan::Type::kFixed || plan.segments.empty()) {
    return {Placement::Kind::kBias, 0};
  }
  if (!plan.interpreter.has_value()) {
    return {Placement::Kind::kSearch, 0};
  }
  uint64_t mask = ~(plan.alignment - 1);
  uint64_t bias = BiasForBase(plan, (kPieBase + layout.pie_offset) & mask);
  // Programs of many hundred gigabytes reach the window from where Linux puts them; they
  // get a place further down.
  if (SpanTouchesWindow(plan, bias)) {
    bias = BiasForBase(plan, kPieBase & mask);
  }
  if (SpanTouchesWindow(plan, bias) && plan.span_bytes < kWindowBegin) {
    uint64_t distance = plan.first_address - plan.span_begin;
    bias = BiasForBase(plan, (kWindowBegin - plan.span_bytes + distance) & mask);
  }
  return {Placement::Kind::kBias, bias};
}

Placement PlaceInterpreter(const LoadPlan& plan) {
  if (plan.type == LoadPlan::Type::kFixed) {
    return {Placement::Kind::kBias, 0};
  }
  return {Placement::Kind::kSearch, 0};
}

uint64_t BiasForAddress(const LoadPlan& plan, uint64_t address) {
  return address - PageFloor(plan.first_address);
}

uint64_t AlignFoundAddress(const LoadPlan& plan, uint64_t address) {
  return address & ~(plan.alignment - 1);
}

Result<void> CheckPlacement(const LoadPlan& plan, uint64_t bias) {
  uint64_t begin = plan.span_begin + bias;
  if (plan.span_bytes > kUserEnd || begin > kUserEnd - plan.span_bytes) {
    return Fail(ENOMEM);
  }
  if (plan.span_bytes != 0 && SpanTouchesWindow(plan, bias)) {
    return Fail(ENOMEM);
  }
  // The entry of a program with an interpreter is the interpreter's business.
  uint64_t entry = plan.entry + bias;
  if (!plan.interpreter.has_value() && (entry >= kUserEnd || TouchesWindow(entry, 1))) {
    return Fail(EINVAL);
  }
  return Ok();
}

uint64_t ChooseBrkStart(const LoadPlan& plan, uint64_t bias, const Layout& layout) {
  // As on Linux, the heap of a static PIE program lies not behind it, in the mmap area, but
  // where other PIE programs would be.
  bool moved = plan.type == LoadPlan::Type::kPositionIndependent && !plan.interpreter.has_value();
  uint64_t start = moved ? kPieBase : PageCeil(plan.brk + bias);
  if (layout.randomize == Randomize::kYes) {
    start += (moved ? 0 : kPageSize) + layout.brk_offset;
  }
  return TouchesWindow(start, 1) ? kWindowEnd : start;
}

}  // namespace ukrun
