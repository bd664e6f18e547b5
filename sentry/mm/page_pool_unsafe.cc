// How the pool is divided: into chunks of the largest run (2 MiB), each with a binary tree
// that says how large the largest free run below every node is. Chunks stand in a list for
// their own largest free run, so a run is found in ten steps, however full the pool is.
//
// The bookkeeping lies on the kernel heap and exists only for chunks that were ever used.
#include "sentry/mm/page_pool.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>
#include <bit>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/host_call.h"
#include "base/locked.h"
#include "base/window.h"

namespace ukrun {
namespace {

constexpr uint32_t kOrders = 10;  // runs of 1, 2, 4, ... 512 pages
constexpr uint64_t kChunkBytes = kPagePoolLargestRun * kPageSize;
constexpr uint32_t kChunkLimit = static_cast<uint32_t>(kWindowPagePoolBytes / kChunkBytes);
static_assert(uint64_t{1} << (kOrders - 1) == kPagePoolLargestRun);

// Node i of a chunk's tree has the children 2i and 2i + 1; node 1 is the whole chunk.
struct Chunk {
  // One more than the order of the largest free run below the node; 0: none.
  std::array<uint8_t, 2 * kPagePoolLargestRun> largest{};
  uint32_t index = 0;
  Chunk* previous = nullptr;
  Chunk* next = nullptr;

  explicit Chunk(uint32_t chunk_index) : index(chunk_index) {
    for (uint32_t order = 0; order < kOrders; ++order) {
      uint32_t first = 1u << (kOrders - 1 - order);
      for (uint32_t node = first; node < 2 * first; ++node) {
        largest[node] = static_cast<uint8_t>(order + 1);
      }
    }
  }
  uint32_t rank() const { return largest[1]; }

  // Returns the run's first page. Requires: rank() > order.
  uint32_t Take(uint32_t order) {
    uint32_t node = 1;
    for (uint32_t level = kOrders - 1; level > order; --level) {
      // The tighter child keeps large runs whole.
      uint32_t left = largest[2 * node];
      uint32_t right = largest[2 * node + 1];
      bool use_left = left > order && (right <= order || left <= right);
      node = 2 * node + (use_left ? 0 : 1);
    }
    UKRUN_CHECK(largest[node] == order + 1);
    largest[node] = 0;
    UpdateAbove(node, order);
    return (node << order) - static_cast<uint32_t>(kPagePoolLargestRun);
  }

  void Give(uint32_t first_page, uint32_t order) {
    uint32_t node = (static_cast<uint32_t>(kPagePoolLargestRun) + first_page) >> order;
    UKRUN_CHECK(largest[node] == 0);
    largest[node] = static_cast<uint8_t>(order + 1);
    UpdateAbove(node, order);
  }

  // Below a run that is handed out whole, the tree still says "free".
  void Split(uint32_t first_page, uint32_t order) {
    uint32_t node = (static_cast<uint32_t>(kPagePoolLargestRun) + first_page) >> order;
    UKRUN_CHECK(largest[node] == 0);
    largest[2 * node] = 0;
    largest[2 * node + 1] = 0;
  }

 private:
  void UpdateAbove(uint32_t node, uint32_t order) {
    while (node > 1) {
      node /= 2;
      ++order;
      uint8_t left = largest[2 * node];
      uint8_t right = largest[2 * node + 1];
      // Two wholly free halves are one run.
      largest[node] =
          left == order && right == order ? static_cast<uint8_t>(order + 1) : std::max(left, right);
    }
  }
};

struct Pool {
  std::vector<std::unique_ptr<Chunk>> chunks;
  // By rank(): list heads. Rank 0, full chunks, stand in no list.
  std::array<Chunk*, kOrders + 1> with_room{};

  void Unlink(Chunk& chunk, uint32_t rank) {
    if (rank == 0) {
      return;
    }
    (chunk.previous != nullptr ? chunk.previous->next : with_room[rank]) = chunk.next;
    if (chunk.next != nullptr) {
      chunk.next->previous = chunk.previous;
    }
  }
  void Link(Chunk& chunk) {
    uint32_t rank = chunk.rank();
    if (rank == 0) {
      return;
    }
    chunk.previous = nullptr;
    chunk.next = with_room[rank];
    if (chunk.next != nullptr) {
      chunk.next->previous = &chunk;
    }
    with_room[rank] = &chunk;
  }
};

int g_fd = -1;
Locked<Pool, LockRank::kPagePool>* g_pool = nullptr;

uint32_t OrderOf(uint64_t pages) {
  UKRUN_CHECK(std::has_single_bit(pages) && pages <= kPagePoolLargestRun);
  return static_cast<uint32_t>(std::countr_zero(pages));
}

uint32_t PageInChunk(uint64_t offset) {
  return static_cast<uint32_t>(offset % kChunkBytes / kPageSize);
}

}  // namespace

void PagePoolInitialize() {
  if (g_pool != nullptr) {
    return;
  }
  long fd = RawHostCall(SYS_memfd_create, "ukrun-pages", MFD_CLOEXEC);
  UKRUN_CHECK(fd >= 0);
  UKRUN_CHECK(RawHostCall(SYS_ftruncate, fd, kWindowPagePoolBytes) == 0);
  long mapped = RawHostCall(SYS_mmap, kWindowPagePool, kWindowPagePoolBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, 0);
  UKRUN_CHECK(mapped == static_cast<long>(kWindowPagePool));
  g_fd = static_cast<int>(fd);
  g_pool = new Locked<Pool, LockRank::kPagePool>();
}

int PagePoolFd() { return g_fd; }

Result<uint64_t> PagePoolAllocate(uint64_t pages) {
  uint32_t order = OrderOf(pages);
  auto pool = g_pool->Lock();
  Chunk* chunk = nullptr;
  for (uint32_t rank = order + 1; rank <= kOrders && chunk == nullptr; ++rank) {
    chunk = pool->with_room[rank];
  }
  if (chunk == nullptr) {
    uint32_t index = static_cast<uint32_t>(pool->chunks.size());
    if (index == kChunkLimit) {
      return Fail(ENOMEM);
    }
    pool->chunks.push_back(std::make_unique<Chunk>(index));
    chunk = pool->chunks.back().get();
    pool->Link(*chunk);
  }
  pool->Unlink(*chunk, chunk->rank());
  uint32_t page = chunk->Take(order);
  pool->Link(*chunk);
  return chunk->index * kChunkBytes + page * kPageSize;
}

void PagePoolFree(uint64_t offset, uint64_t pages) {
  uint32_t order = OrderOf(pages);
  // Before anybody else can be given it.
  PagePoolZero(offset, pages * kPageSize);
  auto pool = g_pool->Lock();
  uint64_t index = offset / kChunkBytes;
  UKRUN_CHECK(index < pool->chunks.size());
  Chunk& chunk = *pool->chunks[index];
  pool->Unlink(chunk, chunk.rank());
  chunk.Give(PageInChunk(offset), order);
  pool->Link(chunk);
}

void PagePoolSplit(uint64_t offset, uint64_t pages) {
  uint32_t order = OrderOf(pages);
  UKRUN_CHECK(order > 0);
  auto pool = g_pool->Lock();
  uint64_t index = offset / kChunkBytes;
  UKRUN_CHECK(index < pool->chunks.size());
  pool->chunks[index]->Split(PageInChunk(offset), order);
}

void PagePoolZero(uint64_t offset, uint64_t bytes) {
  // The host may be out of memory for the hole's bookkeeping; zeros are promised all the same.
  Result<long> punched =
      HostCall(SYS_fallocate, g_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes);
  if (!punched.ok()) {
    __builtin_memset(PagePoolAddress(offset), 0, bytes);
  }
}

char* PagePoolAddress(uint64_t offset) { return reinterpret_cast<char*>(kWindowPagePool + offset); }

}  // namespace ukrun
