// The kernel window: 1 TiB of address space that holds the Sentry's image, heap, stacks
// and the pages that guests may see of it. Everything else belongs to the guest.
//
// Laid out once, before the first guest process, and never changed after: each mapping
// costs at every fork, and a change made in one host process is seen by no other.
#pragma once

#include <cstdint>

namespace ukrun {

inline constexpr uint64_t kWindowBegin = 0x5700'0000'0000;
inline constexpr uint64_t kWindowEnd = 0x5800'0000'0000;

// The Sentry's image, placed by the first stage (loader of the Sentry, not of guests).
inline constexpr uint64_t kWindowImage = 0x5700'0000'0000;
// Heap and kernel stacks: one sparse memfd.
inline constexpr uint64_t kWindowHeap = 0x5710'0000'0000;
inline constexpr uint64_t kWindowHeapBytes = uint64_t{256} << 30;
// Shared and tmpfs memory of guests: one sparse memfd (sentry/mm/page_pool.h).
inline constexpr uint64_t kWindowPagePool = 0x5750'0000'0000;
inline constexpr uint64_t kWindowPagePoolBytes = uint64_t{512} << 30;
// Memory shared with the gofer (gofer/channel.h).
inline constexpr uint64_t kWindowChannel = 0x57f0'0000'0000;
// Pages that guests see: the platform's stub, then the vDSO with its data pages.
inline constexpr uint64_t kWindowStub = 0x57ff'0000'0000;
inline constexpr uint64_t kWindowVdso = 0x57ff'1000'0000;
inline constexpr uint64_t kWindowVdsoEnd = kWindowVdso + 64 * 1024;
// One past the last address of user space: Linux's TASK_SIZE with four-level page tables.
inline constexpr uint64_t kUserEnd = 0x7fff'ffff'f000;

// True when [address, address + size) touches the window or wraps around.
constexpr bool TouchesWindow(uint64_t address, uint64_t size) {
  if (size == 0) {
    return address >= kWindowBegin && address < kWindowEnd;
  }
  uint64_t last = address + (size - 1);
  return last < address || (address < kWindowEnd && last >= kWindowBegin);
}

}  // namespace ukrun
