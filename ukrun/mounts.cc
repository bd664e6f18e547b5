#include "ukrun/mounts.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ukrun/paths.h"
#include "ukrun/status.h"

namespace ukrun {
namespace {

using proto::Mount;

struct EmptyFolder {
  absl::string_view path;
  uint32_t mode;
};
// As Debian makes them.
constexpr auto kEmptyFolders = std::to_array<EmptyFolder>({
    {"/tmp", 01777},
    {"/var/tmp", 01777},
    {"/run", 0755},
    {"/dev/shm", 01777},
});

class Planner {
 public:
  explicit Planner(const Options& options) : options_(options) {}

  absl::Status Plan(const std::string& caller_cwd);
  MountPlan Take() { return std::move(plan_); }

 private:
  absl::Status AddRoot();
  void AddDefaults();
  absl::Status AddBinds(const std::string& caller_cwd);
  absl::Status AddTmpfs();
  void AddWorkingDirectory(const std::string& caller_cwd);
  absl::Status AddKeep();

  // A mount at `destination`, in the place of one that is there by default.
  Mount& MountAt(const std::string& destination, Mount::Kind kind);
  // Notes that a flag claims the place; fails if another one has.
  absl::Status Claim(const std::string& flag, const std::string& destination);
  // `path` as the guest will reach it: with the symbolic links followed that the host's
  // tree has on the way. Links of another root are followed by the Sentry alone.
  std::string InsideHost(const std::string& path) const;
  const Mount& MountThatHolds(const std::string& path) const;
  uint32_t Attach(const std::string& host_path, bool writable, bool file);
  bool StartsInside(const std::string& cwd) const;

  const Options& options_;
  std::string root_ = "/";
  std::map<std::string, std::string> claimed_;  // destination, and the flag
  MountPlan plan_;
};

Mount& Planner::MountAt(const std::string& destination, Mount::Kind kind) {
  auto same = [&destination](const Mount& mount) { return mount.destination() == destination; };
  auto found = std::find_if(plan_.mounts.begin(), plan_.mounts.end(), same);
  if (found == plan_.mounts.end()) {
    found = plan_.mounts.emplace(plan_.mounts.end());
  }
  *found = Mount();
  found->set_destination(destination);
  found->set_kind(kind);
  return *found;
}

absl::Status Planner::Claim(const std::string& flag, const std::string& destination) {
  auto [other, is_new] = claimed_.emplace(destination, flag);
  if (!is_new) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", other->second, " already stands for ", destination));
  }
  return absl::OkStatus();
}

std::string Planner::InsideHost(const std::string& path) const {
  return options_.rootfs.has_value() ? path : FollowExistingLinks(path);
}

const Mount& Planner::MountThatHolds(const std::string& path) const {
  const Mount* best = &plan_.mounts.front();
  for (const Mount& mount : plan_.mounts) {
    bool holds = mount.destination() == path || IsBelow(path, mount.destination());
    if (holds && mount.destination().size() >= best->destination().size()) {
      best = &mount;
    }
  }
  return *best;
}

uint32_t Planner::Attach(const std::string& host_path, bool writable, bool file) {
  proto::AttachPoint& point = plan_.attach.emplace_back();
  point.set_host_path(host_path);
  point.set_writable(writable);
  point.set_file(file);
  return static_cast<uint32_t>(plan_.attach.size() - 1);
}

absl::Status Planner::AddRoot() {
  if (options_.rootfs.has_value()) {
    absl::StatusOr<HostPath> rootfs = LookAtHostPath(*options_.rootfs);
    if (!rootfs.ok() || !rootfs->folder) {
      return absl::InvalidArgumentError(
          absl::StrCat("--rootfs=", *options_.rootfs, ": ",
                       rootfs.ok() ? "it is not a folder" : rootfs.status().message()));
    }
    root_ = rootfs->real;
  }
  Mount& root = MountAt("/", Mount::OVERLAY);
  root.set_attach(Attach(root_, /*writable=*/false, /*file=*/false));
  root.set_size_bytes(options_.upper_bytes);
  return absl::OkStatus();
}

void Planner::AddDefaults() {
  MountAt("/proc", Mount::PROC);
  MountAt("/sys", Mount::SYS).set_read_only(true);
  MountAt("/dev", Mount::DEV);
  for (const EmptyFolder& folder : kEmptyFolders) {
    Mount& mount = MountAt(std::string(folder.path), Mount::TMPFS);
    mount.set_mode(folder.mode);
    mount.set_no_suid(true);
    mount.set_no_dev(true);
  }
}

// Splits "SRC[:DST]". A colon is part of SRC unless an absolute path follows it.
std::pair<std::string, std::string> SplitBind(const std::string& text) {
  size_t colon = text.rfind(":/");
  if (colon == std::string::npos || colon == 0) {
    return {text, ""};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

absl::Status Planner::AddBinds(const std::string& caller_cwd) {
  for (const BindOption& bind : options_.binds) {
    bool writable = bind.access == Access::kReadWrite;
    std::string flag = absl::StrCat(writable ? "--bind=" : "--ro-bind=", bind.text);
    auto [source, destination] = SplitBind(bind.text);
    absl::StatusOr<HostPath> host = LookAtHostPath(source);
    if (!host.ok()) {
      absl::string_view hint = absl::StrContains(source, ':') && destination.empty()
                                   ? " (a path behind ':' must start with /)"
                                   : "";
      return absl::InvalidArgumentError(
          absl::StrCat(flag, ": ", source, ": ", host.status().message(), hint));
    }
    std::string target =
        destination.empty() ? host->real : InsideHost(CleanPath(destination, caller_cwd));
    if (target == "/" && !host->folder) {
      return absl::InvalidArgumentError(absl::StrCat(flag, ": a file cannot be the root folder"));
    }
    UKRUN_RETURN_IF_ERROR(Claim(flag, target));
    Mount& mount = MountAt(target, Mount::GOFER);
    mount.set_attach(Attach(host->real, writable, !host->folder));
    mount.set_read_only(!writable);
    mount.set_file(!host->folder);
  }
  return absl::OkStatus();
}

absl::Status Planner::AddTmpfs() {
  for (const TmpfsOption& tmpfs : options_.tmpfs) {
    std::string target = InsideHost(CleanPath(tmpfs.destination, "/"));
    UKRUN_RETURN_IF_ERROR(Claim(absl::StrCat("--tmpfs=", tmpfs.destination), target));
    Mount& mount = MountAt(target, Mount::TMPFS);
    mount.set_size_bytes(tmpfs.size_bytes);
    mount.set_mode(tmpfs.mode);
    mount.set_no_exec(tmpfs.no_exec);
    mount.set_no_suid(tmpfs.no_suid);
    mount.set_no_dev(tmpfs.no_dev);
  }
  return absl::OkStatus();
}

// With another root, the caller's working directory may not exist.
bool Planner::StartsInside(const std::string& cwd) const {
  if (!options_.rootfs.has_value() || MountThatHolds(cwd).kind() == Mount::GOFER) {
    return true;
  }
  absl::StatusOr<HostPath> inside = LookAtHostPath(absl::StrCat(root_, cwd));
  return inside.ok() && inside->folder && IsBelow(inside->real, root_);
}

void Planner::AddWorkingDirectory(const std::string& caller_cwd) {
  plan_.cwd = StartsInside(caller_cwd) ? caller_cwd : "/";
  std::string real_cwd = InsideHost(plan_.cwd);
  const Mount& holder = MountThatHolds(real_cwd);
  auto is_default = [&holder](const EmptyFolder& folder) {
    return folder.path == holder.destination();
  };
  bool hidden = !options_.rootfs.has_value() && holder.kind() == Mount::TMPFS &&
                holder.destination() != real_cwd &&
                std::any_of(kEmptyFolders.begin(), kEmptyFolders.end(), is_default);
  if (!hidden) {
    return;
  }
  Mount& mount = MountAt(real_cwd, Mount::OVERLAY);
  mount.set_attach(Attach(real_cwd, /*writable=*/false, /*file=*/false));
  mount.set_size_bytes(options_.upper_bytes);
}

bool IsEmptyFolder(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) {
    return false;
  }
  bool empty = true;
  while (const dirent* entry = readdir(folder)) {
    absl::string_view name = static_cast<const char*>(entry->d_name);
    empty = empty && (name == "." || name == "..");
  }
  closedir(folder);
  return empty;
}

absl::Status Planner::AddKeep() {
  if (!options_.keep_dir.has_value()) {
    return absl::OkStatus();
  }
  const std::string& dir = *options_.keep_dir;
  auto fail = [&dir](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat("--keep=", dir, ": ", reason));
  };
  if (mkdir(dir.c_str(), 0777) != 0 && errno != EEXIST) {
    return fail(std::strerror(errno));
  }
  absl::StatusOr<HostPath> host = LookAtHostPath(dir);
  if (!host.ok()) {
    return fail(host.status().message());
  }
  if (!host->folder || !IsEmptyFolder(host->real)) {
    return fail("it must be a new or an empty folder");
  }
  if (access(host->real.c_str(), W_OK | X_OK) != 0) {
    return fail(std::strerror(errno));
  }
  plan_.keep_attach = static_cast<int32_t>(Attach(host->real, /*writable=*/true, /*file=*/false));
  plan_.attach.back().set_takes_hidden_names(true);
  return absl::OkStatus();
}

absl::Status Planner::Plan(const std::string& caller_cwd) {
  UKRUN_RETURN_IF_ERROR(AddRoot());
  AddDefaults();
  UKRUN_RETURN_IF_ERROR(AddBinds(caller_cwd));
  UKRUN_RETURN_IF_ERROR(AddTmpfs());
  AddWorkingDirectory(caller_cwd);
  UKRUN_RETURN_IF_ERROR(AddKeep());
  // A parent's path is shorter than its children's and a prefix of them, so it sorts first.
  std::stable_sort(plan_.mounts.begin(), plan_.mounts.end(), [](const Mount& a, const Mount& b) {
    return a.destination() < b.destination();
  });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MountPlan> PlanMounts(const Options& options, const std::string& caller_cwd) {
  Planner planner(options);
  UKRUN_RETURN_IF_ERROR(planner.Plan(caller_cwd));
  return planner.Take();
}

}  // namespace ukrun
