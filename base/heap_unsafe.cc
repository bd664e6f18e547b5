// Layout: the region is an array of 64 KiB units. A unit is free, part of a page run, or
// a slab of objects of one size class. A side table (one entry a unit) says which, so an
// object's size is found from its address alone and slabs carry no header.
#include "base/heap.h"

#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>
#include <bit>

#include "base/check.h"
#include "base/host_call.h"
#include "base/mutex.h"
#include "base/window.h"

namespace ukrun {
namespace {

constexpr uint64_t kUnitBytes = 64 * 1024;
constexpr uint32_t kUnitCount = static_cast<uint32_t>(kWindowHeapBytes / kUnitBytes);
constexpr uint32_t kNone = UINT32_MAX;

// Four classes to each power of two from 16 bytes to 16 KiB.
constexpr std::array<uint32_t, 37> kClassBytes = {
    16,   32,   48,   64,   80,   96,   112,  128,   160,   192,   224,  256,  320,
    384,  448,  512,  640,  768,  896,  1024, 1280,  1536,  1792,  2048, 2560, 3072,
    3584, 4096, 5120, 6144, 7168, 8192, 9344, 10880, 13056, 14528, 16384};

struct FreeObject {
  FreeObject* next;
};

enum class UnitKind : uint8_t { kFree, kSlab, kRunHead, kRunTail };

struct Unit {
  UnitKind kind;
  uint8_t size_class;
  uint16_t live;       // slab: objects handed out
  uint32_t run_units;  // run head: length
  // Slab: neighbours in its class's list of slabs with room.
  uint32_t previous;
  uint32_t next;
  FreeObject* free_objects;
  uint32_t bump;  // slab: objects never handed out begin at this index
  uint32_t padding;
};

struct SizeClass {
  constexpr SizeClass() = default;
  Mutex lock{LockRank::kHeap};
  uint32_t slabs_with_room = kNone;
  uint64_t live = 0;
};

struct Heap {
  constexpr Heap() = default;
  std::array<SizeClass, kClassBytes.size()> classes;
  Mutex units_lock{LockRank::kHeapUnits};
  Unit* units = nullptr;
  uint32_t first_free_hint = 0;
  uint64_t run_bytes = 0;
  uint64_t run_count = 0;
};
constinit Heap g_heap;

uint32_t ClassFor(size_t bytes) {
  if (bytes <= 128) {
    return bytes == 0 ? 0 : static_cast<uint32_t>((bytes + 15) / 16 - 1);
  }
  uint32_t low = 8;
  uint32_t high = kClassBytes.size() - 1;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (kClassBytes[middle] >= bytes) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

char* UnitAddress(uint32_t index) {
  return reinterpret_cast<char*>(kWindowHeap + uint64_t{index} * kUnitBytes);
}

uint32_t UnitIndex(const void* pointer) {
  uint64_t address = reinterpret_cast<uint64_t>(pointer);
  UKRUN_CHECK(address >= kWindowHeap && address < kWindowHeap + kWindowHeapBytes);
  return static_cast<uint32_t>((address - kWindowHeap) / kUnitBytes);
}

// First fit from a hint: the lowest index that may be free.
uint32_t TakeUnits(uint32_t count, UnitKind head) {
  MutexGuard guard(g_heap.units_lock);
  uint32_t run = 0;
  bool passed_free = false;
  for (uint32_t i = g_heap.first_free_hint; i < kUnitCount; ++i) {
    if (g_heap.units[i].kind != UnitKind::kFree) {
      if (!passed_free) {
        g_heap.first_free_hint = i + 1;
      }
      run = 0;
      continue;
    }
    passed_free = true;
    if (++run < count) {
      continue;
    }
    uint32_t first = i + 1 - count;
    g_heap.units[first] = Unit{head, 0, 0, count, kNone, kNone, nullptr, 0, 0};
    for (uint32_t k = first + 1; k <= i; ++k) {
      g_heap.units[k].kind = UnitKind::kRunTail;
    }
    if (head == UnitKind::kRunHead) {
      g_heap.run_bytes += count * kUnitBytes;
      g_heap.run_count += 1;
    }
    return first;
  }
  return kNone;
}

void GiveUnits(uint32_t first, uint32_t count, bool was_run) {
  RawHostCall(SYS_madvise, UnitAddress(first), count * kUnitBytes, MADV_REMOVE);
  MutexGuard guard(g_heap.units_lock);
  for (uint32_t i = first; i < first + count; ++i) {
    g_heap.units[i].kind = UnitKind::kFree;
  }
  if (first < g_heap.first_free_hint) {
    g_heap.first_free_hint = first;
  }
  if (was_run) {
    g_heap.run_bytes -= count * kUnitBytes;
    g_heap.run_count -= 1;
  }
}

void Unlink(SizeClass& size_class, uint32_t index) {
  Unit& unit = g_heap.units[index];
  if (unit.previous != kNone) {
    g_heap.units[unit.previous].next = unit.next;
  } else {
    size_class.slabs_with_room = unit.next;
  }
  if (unit.next != kNone) {
    g_heap.units[unit.next].previous = unit.previous;
  }
  unit.previous = kNone;
  unit.next = kNone;
}

void LinkFirst(SizeClass& size_class, uint32_t index) {
  Unit& unit = g_heap.units[index];
  unit.previous = kNone;
  unit.next = size_class.slabs_with_room;
  if (unit.next != kNone) {
    g_heap.units[unit.next].previous = index;
  }
  size_class.slabs_with_room = index;
}

bool IsFull(const Unit& unit) {
  return unit.free_objects == nullptr && unit.bump >= kUnitBytes / kClassBytes[unit.size_class];
}

void* AllocateSmall(uint32_t class_index) {
  SizeClass& size_class = g_heap.classes[class_index];
  MutexGuard guard(size_class.lock);
  uint32_t index = size_class.slabs_with_room;
  if (index == kNone) {
    index = TakeUnits(1, UnitKind::kSlab);
    if (index == kNone) {
      return nullptr;
    }
    g_heap.units[index].size_class = static_cast<uint8_t>(class_index);
    LinkFirst(size_class, index);
  }
  Unit& unit = g_heap.units[index];
  void* result;
  if (unit.free_objects != nullptr) {
    result = unit.free_objects;
    unit.free_objects = unit.free_objects->next;
  } else {
    result = UnitAddress(index) + uint64_t{unit.bump} * kClassBytes[class_index];
    ++unit.bump;
  }
  ++unit.live;
  ++size_class.live;
  if (IsFull(unit)) {
    Unlink(size_class, index);
  }
  return result;
}

void FreeSmall(uint32_t index, void* pointer) {
  Unit& unit = g_heap.units[index];
  SizeClass& size_class = g_heap.classes[unit.size_class];
  MutexGuard guard(size_class.lock);
  UKRUN_CHECK(unit.live > 0);
  bool was_full = IsFull(unit);
  auto* object = static_cast<FreeObject*>(pointer);
  object->next = unit.free_objects;
  unit.free_objects = object;
  --unit.live;
  --size_class.live;
  if (was_full) {
    LinkFirst(size_class, index);
  }
  // The last slab of a class stays, so that one object made and freed in a loop is cheap.
  bool only_one = size_class.slabs_with_room == index && unit.next == kNone;
  if (unit.live == 0 && !only_one) {
    Unlink(size_class, index);
    GiveUnits(index, 1, false);
  }
}

}  // namespace

void HeapInitialize() {
  long fd = RawHostCall(SYS_memfd_create, "ukrun-heap", MFD_CLOEXEC);
  uint64_t table_bytes = (uint64_t{kUnitCount} * sizeof(Unit) + kUnitBytes - 1) & ~(kUnitBytes - 1);
  UKRUN_CHECK(fd >= 0);
  UKRUN_CHECK(RawHostCall(SYS_ftruncate, fd, kWindowHeapBytes) == 0);
  long mapped = RawHostCall(SYS_mmap, kWindowHeap, kWindowHeapBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, 0);
  UKRUN_CHECK(mapped == static_cast<long>(kWindowHeap));
  RawHostCall(SYS_close, fd);
  g_heap.units = reinterpret_cast<Unit*>(kWindowHeap);
  // The table describes itself, as one run that is never freed.
  uint32_t table_units = static_cast<uint32_t>(table_bytes / kUnitBytes);
  g_heap.units[0].kind = UnitKind::kRunHead;
  g_heap.first_free_hint = table_units;
}

void* HeapAllocate(size_t bytes) {
  if (bytes <= kClassBytes.back()) {
    return AllocateSmall(ClassFor(bytes));
  }
  return HeapAllocatePages(bytes);
}

void* HeapAllocatePages(size_t bytes) {
  if (bytes > kWindowHeapBytes) {
    return nullptr;
  }
  uint32_t count = static_cast<uint32_t>((bytes + kUnitBytes - 1) / kUnitBytes);
  uint32_t first = TakeUnits(count, UnitKind::kRunHead);
  return first == kNone ? nullptr : UnitAddress(first);
}

void HeapFree(void* pointer) {
  if (pointer == nullptr) {
    return;
  }
  uint32_t index = UnitIndex(pointer);
  Unit& unit = g_heap.units[index];
  if (unit.kind == UnitKind::kSlab) {
    FreeSmall(index, pointer);
    return;
  }
  UKRUN_CHECK(unit.kind == UnitKind::kRunHead);
  GiveUnits(index, unit.run_units, true);
}

size_t HeapUsableSize(const void* pointer) {
  const Unit& unit = g_heap.units[UnitIndex(pointer)];
  return unit.kind == UnitKind::kSlab ? kClassBytes[unit.size_class]
                                      : uint64_t{unit.run_units} * kUnitBytes;
}

HeapStatistics HeapGetStatistics() {
  HeapStatistics statistics;
  for (uint32_t i = 0; i < kClassBytes.size(); ++i) {
    MutexGuard guard(g_heap.classes[i].lock);
    statistics.live_objects += g_heap.classes[i].live;
    statistics.live_bytes += g_heap.classes[i].live * kClassBytes[i];
  }
  MutexGuard guard(g_heap.units_lock);
  statistics.live_bytes += g_heap.run_bytes;
  statistics.live_objects += g_heap.run_count;
  return statistics;
}

}  // namespace ukrun
