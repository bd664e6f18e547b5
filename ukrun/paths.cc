#include "ukrun/paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace ukrun {

std::string CleanPath(absl::string_view path, absl::string_view base) {
  std::string whole =
      absl::StartsWith(path, "/") ? std::string(path) : absl::StrCat(base, "/", path);
  std::vector<absl::string_view> kept;
  for (absl::string_view part : absl::StrSplit(whole, '/', absl::SkipEmpty())) {
    if (part == "..") {
      if (!kept.empty()) {
        kept.pop_back();
      }
    } else if (part != ".") {
      kept.push_back(part);
    }
  }
  return absl::StrCat("/", absl::StrJoin(kept, "/"));
}

bool IsBelow(absl::string_view path, absl::string_view folder) {
  if (folder == "/") {
    return path.size() > 1;
  }
  return path.size() > folder.size() && absl::StartsWith(path, folder) &&
         path[folder.size()] == '/';
}

absl::StatusOr<HostPath> LookAtHostPath(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  struct stat status {};
  if (real == nullptr || stat(real.get(), &status) != 0) {
    return absl::NotFoundError(std::strerror(errno));
  }
  if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError("it is neither a regular file nor a folder");
  }
  return HostPath{real.get(), S_ISDIR(status.st_mode)};
}

std::string FollowExistingLinks(const std::string& path) {
  std::error_code error;
  std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : CleanPath(real.native(), "/");
}

absl::StatusOr<std::string> CallerCwd() {
  std::unique_ptr<char, decltype(&std::free)> named(get_current_dir_name(), &std::free);
  if (named == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the working directory cannot be used: ", std::strerror(errno)));
  }
  return CleanPath(named.get(), "/");
}

}  // namespace ukrun
