// Starts one of the sandbox's host processes: a fresh program with exactly the
// descriptors it is meant to have, no privileges, and a life that ends with ours.
//
// Both children (the gofer and the first stage of the Sentry) come into being here.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/host_fd.h"
#include "ukrun/namespaces.h"

namespace ukrun {

// Gives the child our descriptor `ours` under the number `theirs`.
struct GivenFd {
  int ours = -1;
  int theirs = -1;
};

struct ChildPlan {
  std::string program;       // path
  std::vector<GivenFd> fds;  // beside standard input, output and error
  NamespacePlan namespaces;
  CapabilityPlan capabilities = CapabilityPlan::kNone;
  int proc_self_as = -1;       // open /proc/self under this number; -1: don't
  std::vector<int> cgroups;    // cgroup.procs files of the groups to join
  std::vector<uint32_t> cpus;  // the host's processors to run on; empty: as the caller
};

struct Child {
  pid_t pid = -1;
  HostFd pidfd;  // valid until the child has been waited for; readable when it is dead
};

// A child on its way from fork to exec.
struct StartingChild {
  Child child;
  std::string program;
  HostFd report;  // says what went wrong, or is closed by exec
};

// Forks. The child goes on by itself. Requires: this process has one thread.
absl::StatusOr<StartingChild> StartChild(const ChildPlan& plan);

// Returns when the program runs, or with what went wrong on the way to it.
absl::StatusOr<Child> FinishStart(StartingChild starting);

}  // namespace ukrun
