// Makes 50,000 mappings, and compares what mappings cost.
//
//   mappings [COUNT] [--exact]     50,000 unless told
//
// Neighbours differ in what they allow, so that nobody can merge them.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "growth.h"

namespace {

using scale::Check;
using scale::Require;

constexpr long kSmall = 100;
constexpr size_t kPage = 4096;
// Mappings that the program needs besides those that it counts.
constexpr long kSpare = 500;

// A stretch of pages that are readable and writable in turn: each one a mapping of its own.
class Stripes {
 public:
  explicit Stripes(long most) : most_(static_cast<size_t>(most)) {
    void* reserved =
        mmap(nullptr, most_ * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    Require(reserved != MAP_FAILED, "address space could be reserved");
    base_ = static_cast<char*>(reserved);
  }

  void GrowTo(long count) {
    for (; count_ < static_cast<size_t>(count); ++count_) {
      const int protection = count_ % 2 == 0 ? PROT_READ | PROT_WRITE : PROT_READ;
      Check(mprotect(Page(count_), kPage, protection), "mprotect");
      if (count_ % 2 == 0) {
        *reinterpret_cast<uint32_t*>(Page(count_)) = static_cast<uint32_t>(count_);
      }
    }
  }

  void CheckContents() const {
    for (size_t index = 0; index < count_; ++index) {
      const uint32_t content = *reinterpret_cast<const uint32_t*>(Page(index));
      Require(content == (index % 2 == 0 ? index : 0), "a mapping holds what was written");
    }
  }

  char* Page(size_t index) const { return base_ + index * kPage; }
  size_t count() const { return count_; }
  void Unmap() { Check(munmap(base_, most_ * kPage), "munmap"); }

 private:
  size_t most_;
  char* base_ = nullptr;
  size_t count_ = 0;
};

long CountMappings() {
  std::ifstream maps("/proc/self/maps");
  long lines = 0;
  for (std::string line; std::getline(maps, line);) {
    ++lines;
  }
  return lines;
}

// Natively vm.max_map_count limits them.
long AllowedMappings() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  long limit = 0;
  return file >> limit ? limit - kSpare : 1L << 40;
}

void MapAndUnmap() {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Require(page != MAP_FAILED, "a page could be mapped");
  Check(munmap(page, kPage), "munmap");
}

void AddOperations(scale::Growth& growth, const Stripes& stripes) {
  growth.Add("mmap and munmap", 50, MapAndUnmap);
  growth.Add("mmap, touch, munmap", 50, [] {
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    Require(page != MAP_FAILED, "a page could be mapped");
    *static_cast<volatile char*>(page) = 1;
    Check(munmap(page, kPage), "munmap");
  });
  growth.Add("map over the middle one", 50, [&] {
    void* place = stripes.Page(stripes.count() / 4 * 2 + 1);
    Require(mmap(place, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place,
            "a page could be replaced");
  });
  growth.Add("mprotect there and back", 50, [&] {
    char* place = stripes.Page(stripes.count() / 4 * 2 + 1);
    Check(mprotect(place, kPage, PROT_NONE), "mprotect");
    Check(mprotect(place, kPage, PROT_READ), "mprotect");
  });
  growth.Add("madvise and touch the last", 50, [&] {
    char* place = stripes.Page((stripes.count() - 1) / 2 * 2 - 2);
    const uint32_t before = *reinterpret_cast<uint32_t*>(place);
    Check(madvise(place, kPage, MADV_DONTNEED), "madvise");
    *reinterpret_cast<volatile uint32_t*>(place) = before;
  });
  growth.Add("mincore of the middle one", 50, [&] {
    unsigned char resident = 0;
    Check(mincore(stripes.Page(stripes.count() / 2), kPage, &resident), "mincore");
  });
  growth.Add("read into the last", 50, [&] {
    static const int zero = Check(open("/dev/zero", O_RDONLY), "open");
    char* place = stripes.Page((stripes.count() - 1) / 2 * 2);
    Check(read(zero, place + 64, 64), "read");
  });
  growth.Add("brk there and back", 50, [] {
    Require(sbrk(static_cast<intptr_t>(kPage)) != reinterpret_cast<void*>(-1), "brk grows");
    Require(sbrk(-static_cast<intptr_t>(kPage)) != reinterpret_cast<void*>(-1), "brk shrinks");
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool exact = scale::MustBeExact(argc, argv);
  const long wanted = scale::CountFromArguments(argc, argv, 50'000);
  const long count = scale::LimitCount(wanted, AllowedMappings(), exact, "mappings");

  const long before = CountMappings();
  Stripes stripes(count);
  scale::Growth growth("mappings");
  AddOperations(growth, stripes);
  stripes.GrowTo(kSmall);
  growth.MeasureSmall(kSmall);
  stripes.GrowTo(count);
  const int status = growth.MeasureLarge(count);
  stripes.CheckContents();

  const long listed = CountMappings();
  std::printf("/proc/self/maps lists %ld mappings\n", listed);
  Require(listed >= before + count, "/proc/self/maps lists every mapping");
  stripes.Unmap();
  Require(CountMappings() <= before + 8, "unmapping took them all away");
  return status;
}
