#include "ukrun/installation.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "ukrun/status.h"

namespace ukrun {
namespace {

absl::Status Find(const std::filesystem::path& folder, const char* installed_in, const char* name,
                  std::string& found) {
  for (const std::filesystem::path& candidate :
       {folder / name, folder.parent_path() / installed_in / "ukrun" / name}) {
    if (access(candidate.c_str(), R_OK) == 0) {
      found = candidate;
      return absl::OkStatus();
    }
  }
  return absl::NotFoundError(absl::StrCat(name, " is missing beside ", folder.native(),
                                          "/ukrun; build or install ukrun again"));
}

}  // namespace

absl::StatusOr<Installation> FindInstallation() {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("/proc/self/exe cannot be read: ", error.message(), "; is /proc mounted?"));
  }
  std::filesystem::path folder = self.parent_path();
  Installation found;
  UKRUN_RETURN_IF_ERROR(Find(folder, "libexec", "ukrun-boot", found.boot));
  UKRUN_RETURN_IF_ERROR(Find(folder, "libexec", "ukrun-sentry", found.sentry));
  UKRUN_RETURN_IF_ERROR(Find(folder, "libexec", "ukrun-gofer", found.gofer));
  UKRUN_RETURN_IF_ERROR(Find(folder, "share", "hidden_paths.conf", found.hidden_paths));
  return found;
}

}  // namespace ukrun
