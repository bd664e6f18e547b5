#include "ukrun/host_facts.h"

#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "ukrun/control_groups.h"
#include "ukrun/paths.h"

namespace ukrun {

uint64_t HostMemoryBytes() {
  struct sysinfo info {};
  sysinfo(&info);
  return std::min(uint64_t{info.totalram} * info.mem_unit, OwnMemoryLimit());
}

std::vector<uint32_t> AllowedCpus() {
  // Enough for any machine: the call fails with less room than the host has processors.
  constexpr int kMaxCpus = 8192;
  std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(kMaxCpus),
                                                       [](cpu_set_t* p) { CPU_FREE(p); });
  size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
  std::vector<uint32_t> cpus;
  if (sched_getaffinity(0, bytes, set.get()) == 0) {
    for (uint32_t cpu = 0; cpu < kMaxCpus; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set.get())) {
        cpus.push_back(cpu);
      }
    }
  }
  return cpus;
}

std::vector<std::string> HomeFolders() {
  std::vector<std::string> homes;
  auto add = [&homes](const char* home) {
    if (home == nullptr || !absl::StartsWith(home, "/")) {
      return;
    }
    std::string clean = CleanPath(home, "/");
    if (clean != "/" && std::find(homes.begin(), homes.end(), clean) == homes.end()) {
      homes.push_back(std::move(clean));
    }
  };
  add(std::getenv("HOME"));
  // The file itself, not the name services behind getpwent(3): those may ask a network.
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), &std::fclose);
  while (file != nullptr) {
    const passwd* entry = fgetpwent(file.get());
    if (entry == nullptr) {
      break;
    }
    add(entry->pw_dir);
  }
  return homes;
}

std::vector<uint32_t> SupplementaryGroups() {
  int count = getgroups(0, nullptr);
  std::vector<uint32_t> groups(count > 0 ? static_cast<size_t>(count) : 0);
  count = getgroups(count, groups.data());
  groups.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return groups;
}

}  // namespace ukrun
