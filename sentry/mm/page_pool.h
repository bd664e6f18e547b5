// The page pool: pages of guest-shared memory (tmpfs, memfd, shared anonymous mappings),
// as ranges of one sparse memfd that the Sentry owns. Mapped in the kernel window, and
// into guests piecewise by its descriptor.
//
// Free pages read as zeros. Thread-safe; rank kPagePool.
#pragma once

#include <cstdint>

#include "base/page.h"
#include "base/result.h"

namespace ukrun {

void PagePoolInitialize();
int PagePoolFd();

// A contiguous run of `pages` pages (a power of two; at most kPagePoolLargestRun).
// Returns its offset in the pool. Memory is used only for pages that are touched.
// Errors: ENOMEM.
inline constexpr uint64_t kPagePoolLargestRun = 512;
Result<uint64_t> PagePoolAllocate(uint64_t pages);
void PagePoolFree(uint64_t offset, uint64_t pages);
// Makes two runs of half the size of one, to be freed or split one by one.
void PagePoolSplit(uint64_t offset, uint64_t pages);
// Makes a part of a run read as zeros and gives its memory back.
void PagePoolZero(uint64_t offset, uint64_t bytes);
// The kernel's own view of an offset.
char* PagePoolAddress(uint64_t offset);

}  // namespace ukrun
