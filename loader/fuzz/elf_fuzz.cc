// Any file must lead to an errno or to a plan that keeps the promises of loader/elf.h and
// can be placed, or refused, by loader/layout.h.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/window.h"
#include "loader/elf.h"
#include "loader/layout.h"
#include "loader/testing_image.h"

namespace {

using ukrun::LoadPlan;
using ukrun::Placement;

void Check(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void Try(const LoadPlan& plan, Placement placement, const ukrun::Layout& layout) {
  Check(ukrun::testing::WhatIsWrongWith(plan).empty());
  if (plan.deferred_errno != 0) {
    return;
  }
  uint64_t bias = placement.bias;
  if (placement.kind == Placement::Kind::kSearch) {
    uint64_t found = layout.mmap_base - plan.span_bytes;
    bias = ukrun::BiasForAddress(plan, ukrun::AlignFoundAddress(plan, found));
  }
  if (!ukrun::CheckPlacement(plan, bias).ok()) {
    return;
  }
  for (const ukrun::LoadSegment& segment : plan.segments) {
    uint64_t begin = segment.address + bias;
    uint64_t bytes = segment.file_bytes + segment.anonymous_bytes;
    Check(bytes <= ukrun::kUserEnd && begin <= ukrun::kUserEnd - bytes);
    Check(bytes == 0 || !ukrun::TouchesWindow(begin, bytes));
  }
  Check(!ukrun::TouchesWindow(ukrun::ChooseBrkStart(plan, bias, layout), 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) {
    std::memcpy(bytes.data(), data, size);
  }
  ukrun::testing::MemoryImage image(bytes);
  ukrun::Layout layout = ukrun::ChooseLayout({});
  ukrun::Result<LoadPlan> program = ukrun::PlanElf(image);
  if (program.ok()) {
    Try(*program, ukrun::PlaceProgram(*program, layout), layout);
  }
  ukrun::Result<LoadPlan> interpreter = ukrun::PlanInterpreter(image);
  if (interpreter.ok()) {
    Try(*interpreter, ukrun::PlaceInterpreter(*interpreter), layout);
  }
  return 0;
}
