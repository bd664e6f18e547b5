// Decides what the guest's tree is made of: the list of mounts for the Sentry, and the
// host folders and files (attach points) that the gofer serves for it.
//
// The tree, unless flags change it:
//   /                               the host's files below, a layer in memory above
//   /tmp /var/tmp /run /dev/shm     empty
//   /proc /sys /dev                 the Sentry's own
//   the working directory           again, where one of the empty folders would hide it
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ukrun/options.h"
#include "ukrun/sandbox.pb.h"

namespace ukrun {

struct MountPlan {
  std::vector<proto::Mount> mounts;  // parents before children; the first is "/"
  std::vector<proto::AttachPoint> attach;
  int32_t keep_attach = -1;  // index into `attach` of the folder of --keep
  std::string cwd;           // where the command starts
};

// Looks at the host's paths, makes the folder of --keep, and plans. `caller_cwd` is
// absolute and clean. A failure names the flag and the path.
absl::StatusOr<MountPlan> PlanMounts(const Options& options, const std::string& caller_cwd);

}  // namespace ukrun
