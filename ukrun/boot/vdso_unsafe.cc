#include "ukrun/boot/vdso.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "base/window.h"
#include "ukrun/boot/boot_error.h"

namespace ukrun::boot {
namespace {

struct Area {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool code = false;  // the vDSO itself, not its data
};

// The vDSO's mappings in ascending order, as the host names them: [vvar], since Linux 6.13
// [vvar_vclock], and [vdso].
std::vector<Area> FindAreas(int proc_self) {
  std::vector<Area> areas;
  int fd = openat(proc_self, "maps", O_RDONLY | O_CLOEXEC);
  FILE* maps = fd < 0 ? nullptr : fdopen(fd, "r");
  if (maps == nullptr) {
    return areas;
  }
  char line[512];
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    Area area;
    char name[64] = "";
    if (std::sscanf(line, "%lx-%lx %*s %*s %*s %*s %63s", &area.begin, &area.end, name) != 3) {
      continue;
    }
    std::string_view what = name;
    area.code = what == "[vdso]";
    if (area.code || what.starts_with("[vvar")) {
      areas.push_back(area);
    }
  }
  std::fclose(maps);
  return areas;
}

bool Move(uint64_t from, uint64_t to, uint64_t size) {
  void* source = reinterpret_cast<void*>(from);
  void* target = reinterpret_cast<void*>(to);
  return mremap(source, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target;
}

}  // namespace

void MoveVdso(int proc_self, startup::BootInfo& info) {
  std::vector<Area> areas = FindAreas(proc_self);
  if (areas.empty() || !areas.back().code) {
    return;
  }
  uint64_t begin = areas.front().begin;
  for (size_t i = 0; i < areas.size(); ++i) {
    const Area& area = areas[i];
    if (Move(area.begin, kWindowVdso + (area.begin - begin), area.end - area.begin)) {
      continue;
    }
    // Refused: put back what has moved, since code and data belong together.
    for (size_t j = 0; j < i; ++j) {
      const Area& moved = areas[j];
      if (!Move(kWindowVdso + (moved.begin - begin), moved.begin, moved.end - moved.begin)) {
        Fail("cannot keep the vDSO together", 0);
      }
    }
    return;
  }
  info.vdso_begin = kWindowVdso;
  info.vdso_base = kWindowVdso + (areas.back().begin - begin);
  info.vdso_end = kWindowVdso + (areas.back().end - begin);
}

}  // namespace ukrun::boot
