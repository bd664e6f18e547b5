// Mappings and the faults that they serve.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

namespace {

constexpr size_t kPage = 4096;

void MapAndUnmap(benchmark::State& state) {
  while (state.KeepRunning()) {
    void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(memory, kPage);
  }
}
BENCHMARK(MapAndUnmap);

void TouchFreshPages(benchmark::State& state) {
  constexpr size_t kPages = 256;
  while (state.KeepRunning()) {
    void* memory =
        mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t page = 0; page < kPages; ++page) {
      static_cast<volatile char*>(memory)[page * kPage] = 1;
    }
    munmap(memory, kPages * kPage);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPages));
}
BENCHMARK(TouchFreshPages);

}  // namespace
