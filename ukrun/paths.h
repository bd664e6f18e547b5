// Paths as text, and the few looks at the host's tree that set-up needs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ukrun {

// An absolute path without ".", "..", double or trailing slashes, by text alone; relative
// paths start at `base`.
std::string CleanPath(absl::string_view path, absl::string_view base);

// True when `path` lies below `folder` (and is not the folder itself). Both are clean.
bool IsBelow(absl::string_view path, absl::string_view folder);

struct HostPath {
  std::string real;  // with every symbolic link followed
  bool folder = false;
};

// Follows `path` on the host. Fails with the reason alone ("No such file or directory"),
// also for what is neither a regular file nor a folder.
absl::StatusOr<HostPath> LookAtHostPath(const std::string& path);

// `path` (absolute and clean) with the symbolic links followed of the part of it that
// exists on the host.
std::string FollowExistingLinks(const std::string& path);

// The caller's working directory as the shell names it ($PWD where it is right), since
// that is the name that the command expects to see.
absl::StatusOr<std::string> CallerCwd();

}  // namespace ukrun
