#include "ukrun/control_groups.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace ukrun {
namespace {

constexpr absl::string_view kPrefix = "ukrun-";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool HasWord(absl::string_view text, char separator, absl::string_view word) {
  std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(text), separator);
  return std::find(words.begin(), words.end(), word) != words.end();
}

// This process's group in the hierarchy of a controller, as /proc/self/cgroup has it.
// `controller` is empty for the unified hierarchy.
std::string OwnGroup(absl::string_view controller) {
  for (absl::string_view line : absl::StrSplit(ReadFile("/proc/self/cgroup"), '\n')) {
    // ID:CONTROLLERS:PATH
    std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() == 3 &&
        (controller.empty() ? fields[1].empty() : HasWord(fields[1], ',', controller))) {
      return fields[2];
    }
  }
  return "";
}

struct Hierarchy {
  std::string folder;  // of this process's group
  std::string top;     // where the hierarchy is mounted
};

// The folder of this process's group in a mounted hierarchy; empty if it is not in view.
Hierarchy FindHierarchy(absl::string_view type, absl::string_view controller) {
  std::string own = OwnGroup(controller);
  for (absl::string_view line : absl::StrSplit(ReadFile("/proc/self/mountinfo"), '\n')) {
    // … 4: root, 5: mount point, … "-", type, source, options
    std::vector<std::string> halves = absl::StrSplit(line, " - ");
    if (own.empty() || halves.size() != 2) {
      continue;
    }
    std::vector<std::string> left = absl::StrSplit(halves[0], ' ');
    std::vector<std::string> right = absl::StrSplit(halves[1], ' ');
    if (left.size() < 6 || right.size() < 3 || right[0] != type ||
        (!controller.empty() && !HasWord(right[2], ',', controller))) {
      continue;
    }
    absl::string_view below = own;
    absl::string_view root = left[3];
    if (root != "/" && !absl::ConsumePrefix(&below, root)) {
      continue;
    }
    std::string folder = absl::StrCat(left[4], below);
    return {std::string(absl::StripSuffix(folder, "/")), left[4]};
  }
  return {};
}

// In the older hierarchies a group may hold both processes and groups, so new ones go into
// our own. In the unified one, they go beside it, where its limits are switched on.
std::string FindParent(absl::string_view controller) {
  Hierarchy old = FindHierarchy("cgroup", controller);
  if (!old.folder.empty()) {
    return old.folder;
  }
  Hierarchy unified = FindHierarchy("cgroup2", "");
  if (unified.folder.empty() || unified.folder == unified.top) {
    return "";
  }
  std::string parent = unified.folder.substr(0, unified.folder.rfind('/'));
  bool switched_on = HasWord(ReadFile(parent + "/cgroup.subtree_control"), ' ', controller);
  // To move a process beside us, its way through the parent has to be open too.
  bool writable = access((parent + "/cgroup.procs").c_str(), W_OK) == 0;
  return switched_on && writable ? parent : "";
}

bool WriteFile(const std::string& path, absl::string_view text) {
  HostFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.valid() && write(file.get(), text.data(), text.size()) == ssize_t(text.size());
}

// Sets whichever of the files exists.
void SetLimit(const std::string& folder, const std::vector<std::string>& files, uint64_t value) {
  for (const std::string& file : files) {
    WriteFile(absl::StrCat(folder, "/", file), absl::StrCat(value));
  }
}

// So much time of all processors together. Which of them is a matter of affinity, which the
// sandbox's processes could give themselves back.
void SetProcessors(const std::string& folder, uint32_t count) {
  constexpr uint64_t kPeriodUs = 100'000;
  WriteFile(folder + "/cpu.max", absl::StrCat(count * kPeriodUs, " ", kPeriodUs));
  SetLimit(folder, {"cpu.cfs_period_us"}, kPeriodUs);
  SetLimit(folder, {"cpu.cfs_quota_us"}, count * kPeriodUs);
}

void RemoveStaleGroups(const std::string& parent) {
  DIR* folder = opendir(parent.c_str());
  if (folder == nullptr) {
    return;
  }
  while (const dirent* entry = readdir(folder)) {
    absl::string_view name = static_cast<const char*>(entry->d_name);
    int owner = 0;
    if (absl::ConsumePrefix(&name, kPrefix) && absl::SimpleAtoi(name, &owner) && owner > 0 &&
        kill(owner, 0) != 0 && errno == ESRCH) {
      // Succeeds only for a group without processes.
      rmdir(absl::StrCat(parent, "/", kPrefix, owner).c_str());
    }
  }
  closedir(folder);
}

// The Sentry's own memory and threads come on top of the guest's: a kernel thread for each
// of its threads, and some service threads. So does a moment's overshoot, so that the kinder
// limits act first.
uint64_t HardMemoryBytes(uint64_t bytes) { return bytes + bytes / 8 + (uint64_t{128} << 20); }
uint64_t HardPids(uint32_t pids) { return uint64_t{pids} * 2 + 64; }

}  // namespace

std::string GroupParentFor(absl::string_view controller) {
  std::string parent = FindParent(controller);
  return !parent.empty() && access(parent.c_str(), W_OK | X_OK) == 0 ? parent : "";
}

uint64_t OwnMemoryLimit() {
  std::string old = FindHierarchy("cgroup", "memory").folder;
  std::string limit = old.empty() ? ReadFile(FindHierarchy("cgroup2", "").folder + "/memory.max")
                                  : ReadFile(old + "/memory.limit_in_bytes");
  uint64_t bytes = 0;
  // Without a limit, the file is absent or says "max".
  return absl::SimpleAtoi(limit, &bytes) ? bytes : std::numeric_limits<uint64_t>::max();
}

ControlGroups ControlGroups::Create(const GroupLimits& limits) {
  ControlGroups groups;
  std::string memory = limits.memory_bytes.has_value() ? GroupParentFor("memory") : "";
  std::string processes = limits.pids.has_value() ? GroupParentFor("pids") : "";
  std::string processors = limits.cpus.has_value() ? GroupParentFor("cpu") : "";
  // In the unified hierarchy they are all the same.
  for (const std::string& parent : std::set<std::string>{memory, processes, processors}) {
    std::string folder = absl::StrCat(parent, "/", kPrefix, getpid());
    if (parent.empty()) {
      continue;
    }
    RemoveStaleGroups(parent);
    if (mkdir(folder.c_str(), 0755) != 0) {
      continue;
    }
    if (parent == memory) {
      groups.memory_folder_ = folder;
      uint64_t hard_bytes = HardMemoryBytes(*limits.memory_bytes);
      SetLimit(folder, {"memory.max", "memory.limit_in_bytes"}, hard_bytes);
      // From half-way between the two limits on, the host slows down who asks for more.
      SetLimit(folder, {"memory.high"},
               *limits.memory_bytes + (hard_bytes - *limits.memory_bytes) / 2);
    }
    if (parent == processes) {
      SetLimit(folder, {"pids.max"}, HardPids(*limits.pids));
    }
    if (parent == processors) {
      SetProcessors(folder, *limits.cpus);
    }
    groups.Add(folder);
  }
  return groups;
}

HostFd ControlGroups::OpenMemoryEvents() const {
  std::string folder = memory_folder_;
  if (folder.empty()) {
    folder = FindHierarchy("cgroup", "memory").folder;
  }
  if (folder.empty()) {
    folder = FindHierarchy("cgroup2", "").folder;
  }
  // The last is the older hierarchy's. Of the others, one may count groups below as well.
  for (const char* name : {"memory.events.local", "memory.events", "memory.oom_control"}) {
    HostFd file(
        folder.empty() ? -1 : open(absl::StrCat(folder, "/", name).c_str(), O_RDONLY | O_CLOEXEC));
    if (file.valid()) {
      return file;
    }
  }
  return HostFd();
}

void ControlGroups::Add(const std::string& folder) {
  HostFd procs(open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  groups_.push_back({folder, std::move(procs)});
}

ControlGroups::~ControlGroups() {
  for (const Group& group : groups_) {
    // A group counts as occupied until the host has cleared away its last process.
    constexpr int kTries = 50;
    constexpr timespec kPause = {0, 2'000'000};
    for (int i = 0; i < kTries && rmdir(group.folder.c_str()) != 0 && errno == EBUSY; ++i) {
      nanosleep(&kPause, nullptr);
    }
  }
}

std::vector<int> ControlGroups::procs() const {
  std::vector<int> fds;
  for (const Group& group : groups_) {
    if (group.procs.valid()) {
      fds.push_back(group.procs.get());
    }
  }
  return fds;
}

}  // namespace ukrun
