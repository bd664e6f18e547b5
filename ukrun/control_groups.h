// Control groups of the host: a hard limit on a sandbox's memory, number of processes and
// processor time, where the host lets the caller have one. A backstop above the limits that the
// Sentry and memory_watch.h keep, which come with better manners.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/host_fd.h"

namespace ukrun {

// Folders in which a new group with a limit of this kind can be made, by name of the
// controller ("memory", "pids", "cpu"); empty where there is none.
std::string GroupParentFor(absl::string_view controller);

// The memory limit of the group that this process is in (a container's); the largest number
// where there is none.
uint64_t OwnMemoryLimit();

// What to enforce; what is not given is not limited by a group.
struct GroupLimits {
  std::optional<uint64_t> memory_bytes;
  std::optional<uint32_t> pids;
  std::optional<uint32_t> cpus;
};

class ControlGroups {
 public:
  // Makes groups for the limits that are given, as far as the host permits; what is missing
  // is no failure. Also removes groups that a killed ukrun has left.
  static ControlGroups Create(const GroupLimits& limits);

  // No groups: the sandbox's processes stay in the caller's.
  ControlGroups() = default;
  ControlGroups(ControlGroups&&) = default;
  ControlGroups& operator=(ControlGroups&&) = delete;
  // Removes the groups. Requires: their processes are gone.
  ~ControlGroups();

  // The cgroup.procs files, for processes to write themselves into.
  std::vector<int> procs() const;

  // The file in which the host counts its out-of-memory kills in the group that holds the
  // sandbox's memory, ours or the caller's; invalid where there is no such group.
  HostFd OpenMemoryEvents() const;

 private:
  void Add(const std::string& folder);

  struct Group {
    std::string folder;
    HostFd procs;
  };
  std::vector<Group> groups_;
  std::string memory_folder_;  // of the group with a memory limit; empty: none was made
};

}  // namespace ukrun
