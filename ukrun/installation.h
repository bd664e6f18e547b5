// Finds the other files of the installation: beside the ukrun binary itself (links
// followed), as in a build folder, or in ../libexec/ukrun and ../share/ukrun of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ukrun {

struct Installation {
  std::string boot;          // ukrun-boot
  std::string sentry;        // ukrun-sentry
  std::string gofer;         // ukrun-gofer
  std::string hidden_paths;  // hidden_paths.conf
};

absl::StatusOr<Installation> FindInstallation();

}  // namespace ukrun
