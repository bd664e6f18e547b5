// Mappings and what /proc/self/maps says of them, for the compat tests of memory.

#pragma once

#include <stdint.h>
#include <sys/mman.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "compat-tests/util/process_util.h"

namespace compat {

inline constexpr size_t kPageSize = 4096;
inline constexpr int kReadWrite = PROT_READ | PROT_WRITE;
inline constexpr int kPrivateAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

// A mapping that ends with the object. Neighbours are kept apart by pages without access, so that
// what the kernel merges is what the test put there.
class Mapping {
 public:
  explicit Mapping(size_t pages, int protection = kReadWrite, int flags = kPrivateAnonymous)
      : size_(pages * kPageSize) {
    void* guarded = mmap(nullptr, size_ + 2 * kPageSize, PROT_NONE, kPrivateAnonymous, -1, 0);
    EXPECT_NE(guarded, MAP_FAILED);
    base_ = static_cast<char*>(guarded);
    void* inner = mmap(base_ + kPageSize, size_, protection, flags | MAP_FIXED, -1, 0);
    EXPECT_NE(inner, MAP_FAILED);
  }
  ~Mapping() { munmap(base_, size_ + 2 * kPageSize); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* get() const { return base_ + kPageSize; }
  char* page(size_t index) const { return get() + index * kPageSize; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  char* base_ = nullptr;
};

// One line of /proc/self/maps.
struct MapsLine {
  uint64_t start = 0;
  uint64_t end = 0;
  std::string permissions;
  uint64_t offset = 0;
  std::string name;

  size_t pages() const { return (end - start) / kPageSize; }
};

inline std::vector<MapsLine> ReadMaps() {
  std::vector<MapsLine> lines;
  std::ifstream file("/proc/self/maps");
  for (std::string text; std::getline(file, text);) {
    MapsLine line;
    char permissions[8] = {};
    int name_start = 0;
    if (sscanf(text.c_str(), "%lx-%lx %7s %lx %*s %*s %n", &line.start, &line.end, permissions,
               &line.offset, &name_start) == 4) {
      line.permissions = permissions;
      line.name = text.substr(static_cast<size_t>(name_start));
      lines.push_back(line);
    }
  }
  return lines;
}

// The lines that overlap a range.
inline std::vector<MapsLine> MapsOf(const void* address, size_t size) {
  const auto start = reinterpret_cast<uint64_t>(address);
  std::vector<MapsLine> found;
  for (const MapsLine& line : ReadMaps()) {
    if (line.start < start + size && line.end > start) {
      found.push_back(line);
    }
  }
  return found;
}

// The same as text, such as "rw-p 2,r--p 1": permissions and pages within the range. A gap shows as
// nothing.
inline std::string DescribeMaps(const void* address, size_t size) {
  const auto start = reinterpret_cast<uint64_t>(address);
  std::string text;
  for (const MapsLine& line : MapsOf(address, size)) {
    const uint64_t from = line.start < start ? start : line.start;
    const uint64_t to = line.end > start + size ? start + size : line.end;
    text += (text.empty() ? "" : ",") + line.permissions + " " +
            std::to_string((to - from) / kPageSize);
  }
  return text;
}

inline std::string DescribeMaps(const Mapping& mapping) {
  return DescribeMaps(mapping.get(), mapping.size());
}

inline bool IsMapped(const void* address) { return !MapsOf(address, 1).empty(); }

// Whether an access ends with SIGSEGV; tried in a child.
inline bool ReadFaults(const void* address) {
  return RunInChild([&] {
           return *static_cast<const volatile char*>(address) & 0;
         }).rfind("killed by 11", 0) == 0;
}
inline bool WriteFaults(void* address) {
  return RunInChild([&] { *static_cast<volatile char*>(address) = 1; }).rfind("killed by 11", 0) ==
         0;
}

}  // namespace compat
