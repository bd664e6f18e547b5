// Where things go in a fresh address space, as on Linux x86-64 with four-level page tables:
//
//   program (fixed)        where its file says
//   program (PIE)          0x5555'5555'4000 + up to 1 TiB
//   heap (brk)             behind the program + up to 1 GiB
//   kernel window          0x5700'0000'0000, never the guest's
//   mmap area              downwards from mmap_base, up to 1 TiB below the stack's gap:
//                          shared objects, ld.so, static PIE programs
//   stack                  downwards from below 0x7fff'ffff'f000, minus up to 16 GiB
//
// Used by execve and mm. No choice made here touches the kernel window, whatever the
// random bytes are; a fixed program that asks for it fails CheckPlacement. What mm places
// by itself it keeps out of the window itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "loader/elf.h"

namespace ukrun {

// Two-thirds of the address space, where Linux puts PIE programs (ELF_ET_DYN_BASE).
inline constexpr uint64_t kPieBase = 0x5555'5555'4000;

// Fresh random bytes for one exec. All zeros give the layout without randomness.
using LayoutRandomBytes = std::array<std::byte, 40>;

enum class Randomize : uint8_t { kYes, kNo };       // kNo: personality(ADDR_NO_RANDOMIZE)
enum class MmapDirection : uint8_t { kDown, kUp };  // kUp: personality(ADDR_COMPAT_LAYOUT)

struct LayoutInput {
  uint64_t stack_limit = 0;  // RLIMIT_STACK's soft value, ~0 for none
  Randomize randomize = Randomize::kYes;
  MmapDirection direction = MmapDirection::kDown;
  LayoutRandomBytes random{};
};

struct Layout {
  uint64_t stack_top = 0;
  // For InitialStackInput::shift.
  uint64_t stack_shift = 0;
  // Where the search for free addresses starts: downwards below it, or upwards from it.
  uint64_t mmap_base = 0;
  MmapDirection direction = MmapDirection::kDown;
  // For the functions below.
  Randomize randomize = Randomize::kYes;
  uint64_t pie_offset = 0;
  uint64_t brk_offset = 0;
};

Layout ChooseLayout(const LayoutInput& input);

// How a program is placed.
struct Placement {
  enum class Kind : uint8_t {
    kBias,    // `bias` is final
    kSearch,  // mm finds span_bytes free by its usual rule and calls BiasForAddress
  };
  Kind kind = Kind::kBias;
  uint64_t bias = 0;
};

// For programs (PlanElf). As on Linux, position independent programs with an interpreter
// go to kPieBase, those without (static PIE, ld.so run by hand) into the mmap area.
Placement PlaceProgram(const LoadPlan& plan, const Layout& layout);

// For interpreters (PlanInterpreter): fixed, or searched for.
Placement PlaceInterpreter(const LoadPlan& plan);

// The bias that puts the plan's first segment at `address` (of span_bytes that are free).
uint64_t BiasForAddress(const LoadPlan& plan, uint64_t address);

// For a searched program whose alignment is above a page: the address that it gets instead
// of the found one, as on Linux (which then fails if that is taken).
uint64_t AlignFoundAddress(const LoadPlan& plan, uint64_t address);

// Whether every page of the plan and its entry lie within the guest's addresses, outside
// the window. To be called with the final bias, before anything is mapped.
// Errors: EINVAL, ENOMEM; as with LoadPlan::deferred_errno.
Result<void> CheckPlacement(const LoadPlan& plan, uint64_t bias);

// Where the heap begins: a multiple of a page. `bias` is the program's.
uint64_t ChooseBrkStart(const LoadPlan& plan, uint64_t bias, const Layout& layout);

}  // namespace ukrun
