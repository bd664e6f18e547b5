#include "ukrun/memory_watch.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace ukrun {
namespace {

constexpr int64_t kCalmIntervalMs = 100;
constexpr int64_t kTenseIntervalMs = 20;
constexpr uint64_t kWorthwhileBytes = uint64_t{1} << 20;

// The host processes that run guest code: all children of the Sentry, whichever of its
// threads is a child's parent on paper.
std::vector<pid_t> GuestProcesses(pid_t sentry) {
  std::vector<pid_t> children;
  std::string tasks = absl::StrCat("/proc/", sentry, "/task");
  DIR* folder = opendir(tasks.c_str());
  while (folder != nullptr) {
    const dirent* entry = readdir(folder);
    if (entry == nullptr) {
      break;
    }
    std::ifstream list(
        absl::StrCat(tasks, "/", static_cast<const char*>(entry->d_name), "/children"));
    for (pid_t child = 0; list >> child;) {
      children.push_back(child);
    }
  }
  if (folder != nullptr) {
    closedir(folder);
  }
  return children;
}

struct Pages {
  uint64_t resident = 0;
  uint64_t shared = 0;  // of files and memory files
};

Pages ReadPages(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
  uint64_t size = 0;
  Pages pages;
  file >> size >> pages.resident >> pages.shared;
  return pages;
}

// Memory that is this process's, and its share of what it shares. Pages of host files are
// left out: the host takes those back when it needs them.
struct Exact {
  uint64_t private_bytes = 0;
  uint64_t memory_file_bytes = 0;
};

Exact ReadExact(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/smaps_rollup"));
  Exact exact;
  for (std::string line; std::getline(file, line);) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    uint64_t kib = 0;
    if (words.size() < 2 || !absl::SimpleAtoi(words[1], &kib)) {
      continue;
    }
    if (words[0] == "Pss_Anon:") {
      exact.private_bytes = kib * 1024;
    } else if (words[0] == "Pss_Shmem:") {
      exact.memory_file_bytes = kib * 1024;
    }
  }
  return exact;
}

// The last number of the NSpid line: the pid in the innermost namespace, the Sentry's.
uint32_t PidForSentry(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    uint32_t inner = 0;
    if (words.size() > 1 && words[0] == "NSpid:" && absl::SimpleAtoi(words.back(), &inner)) {
      return inner;
    }
  }
  return static_cast<uint32_t>(pid);
}

}  // namespace

int64_t MemoryWatch::interval_ms() const {
  bool tense = used_bytes_ > limit_bytes_ / 2 || !victims_.empty();
  return tense ? kTenseIntervalMs : kCalmIntervalMs;
}

std::vector<uint32_t> MemoryWatch::Sample() {
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::vector<pid_t> guests = GuestProcesses(sentry_);
  used_bytes_ = ReadPages(sentry_).resident * page_bytes;
  for (pid_t guest : guests) {
    Pages pages = ReadPages(guest);
    used_bytes_ += (pages.resident - std::min(pages.resident, pages.shared)) * page_bytes;
  }
  if (used_bytes_ <= limit_bytes_ / 2) {
    victims_.clear();
    return {};
  }
  Exact sentry = ReadExact(sentry_);
  used_bytes_ = sentry.private_bytes + sentry.memory_file_bytes;
  std::vector<std::pair<uint64_t, pid_t>> by_size;
  std::set<pid_t> dying;
  for (pid_t guest : guests) {
    if (victims_.count(guest) != 0) {
      dying.insert(guest);  // what it still holds is as good as free
      continue;
    }
    Exact exact = ReadExact(guest);
    used_bytes_ += exact.private_bytes + exact.memory_file_bytes;
    by_size.push_back({exact.private_bytes, guest});
  }
  victims_ = std::move(dying);
  std::sort(by_size.rbegin(), by_size.rend());
  std::vector<uint32_t> named;
  uint64_t left_bytes = used_bytes_;
  for (auto [bytes, guest] : by_size) {
    // One that holds next to nothing would be given up for nothing.
    if (left_bytes <= limit_bytes_ || (bytes < kWorthwhileBytes && !named.empty())) {
      break;
    }
    left_bytes -= bytes;
    victims_.insert(guest);
    named.push_back(PidForSentry(guest));
  }
  return named;
}

}  // namespace ukrun
