// The kernel heap: slabs and page runs in the shared region. `operator new`, malloc and
// friends of the freestanding image end here; nothing else of kernel code maps memory.
//
// Memory given back returns to the host by MADV_REMOVE (MADV_DONTNEED frees nothing of a
// shared mapping). Thread-safe; lock ranks kHeap.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ukrun {

// Maps the region. Called once, before anything allocates.
// Requires: the heap's range of the window is free.
void HeapInitialize();

// 16-byte aligned; null when the region is full.
void* HeapAllocate(size_t bytes);
void HeapFree(void* pointer);
// Bytes that the allocation can really hold.
size_t HeapUsableSize(const void* pointer);

// Zeroed memory in units of 64 KiB, 64 KiB aligned. Freed by HeapFree.
void* HeapAllocatePages(size_t bytes);

struct HeapStatistics {
  uint64_t live_bytes = 0;
  uint64_t live_objects = 0;
};
HeapStatistics HeapGetStatistics();

}  // namespace ukrun
