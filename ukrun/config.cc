#include "ukrun/config.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ukrun/environment.h"
#include "ukrun/filters.h"
#include "ukrun/host_facts.h"
#include "ukrun/mounts.h"
#include "ukrun/paths.h"
#include "ukrun/platforms.h"
#include "ukrun/signals.h"
#include "ukrun/status.h"

namespace ukrun {
namespace {

// A pattern of --hide or --unhide as hidden_paths.conf wants it: a path with a slash in
// it that names no place is taken from the caller's working directory.
std::string PlacePattern(const std::string& pattern, const std::string& cwd) {
  bool placed = absl::StartsWith(pattern, "/") || absl::StartsWith(pattern, "~/") ||
                absl::StartsWith(pattern, "**") || !absl::StrContains(pattern, '/');
  return placed ? pattern : CleanPath(pattern, cwd);
}

absl::Status AddHiddenPaths(const Options& options, const Installation& files,
                            const std::string& cwd, proto::GoferConfig& config) {
  std::ifstream list(files.hidden_paths);
  for (std::string line; std::getline(list, line);) {
    absl::string_view pattern = absl::StripAsciiWhitespace(line);
    if (!pattern.empty() && pattern[0] != '#') {
      config.add_hide(std::string(pattern));
    }
  }
  if (!list.eof() || config.hide_size() == 0) {
    // Never run with the secrets in view because a file could not be read.
    return absl::DataLossError(absl::StrCat(files.hidden_paths, " cannot be read"));
  }
  // Later patterns win, and "!" makes an exception: --hide is stronger than --unhide.
  for (const std::string& pattern : options.unhide) {
    config.add_hide(absl::StrCat("!", PlacePattern(pattern, cwd)));
  }
  for (const std::string& pattern : options.hide) {
    config.add_hide(PlacePattern(pattern, cwd));
  }
  for (std::string& home : HomeFolders()) {
    config.add_homes(std::move(home));
  }
  return absl::OkStatus();
}

void SetIdentity(const Options& options, proto::SandboxConfig& config) {
  config.set_host_uid(geteuid());
  config.set_host_gid(getegid());
  if (options.user.has_value()) {
    config.set_uid(options.user->uid);
    config.set_gid(options.user->gid);
    return;
  }
  config.set_uid(geteuid());
  config.set_gid(getegid());
  for (uint32_t group : SupplementaryGroups()) {
    config.add_groups(group);
  }
}

void SetLimits(const Options& options, proto::SandboxConfig& config) {
  std::vector<uint32_t> cpus = AllowedCpus();
  if (options.cpus.has_value() && *options.cpus < cpus.size()) {
    cpus.resize(*options.cpus);
  }
  for (uint32_t cpu : cpus) {
    config.add_host_cpus(cpu);
  }
  proto::Limits& limits = *config.mutable_limits();
  limits.set_memory_bytes(options.memory_bytes.value_or(HostMemoryBytes() / 2));
  limits.set_pids(options.pids.value_or(kDefaultPids));
  limits.set_cpus(static_cast<uint32_t>(cpus.size()));
  limits.set_upper_bytes(options.upper_bytes);
}

}  // namespace

absl::StatusOr<SandboxPlan> PlanSandbox(const Options& options, const Installation& files) {
  absl::StatusOr<std::string> caller_cwd = CallerCwd();
  UKRUN_RETURN_IF_ERROR(caller_cwd.status());
  absl::StatusOr<std::string> platform = ChoosePlatform(options.platform);
  UKRUN_RETURN_IF_ERROR(platform.status());
  absl::StatusOr<MountPlan> mounts = PlanMounts(options, *caller_cwd);
  UKRUN_RETURN_IF_ERROR(mounts.status());

  SandboxPlan plan;
  proto::SandboxConfig& sentry = plan.sentry;
  plan.arguments = options.command;
  plan.environment = GuestEnvironment(CallerEnvironment(), options.env, mounts->cwd);
  sentry.set_cwd(mounts->cwd);
  sentry.set_hostname(options.hostname);
  sentry.set_platform(*platform);
  sentry.set_strace_fd(-1);
  sentry.set_debug_fd(-1);
  sentry.set_memory_events_fd(-1);
  sentry.set_keep_attach(mounts->keep_attach);
  SetIdentity(options, sentry);
  SetLimits(options, sentry);
  for (int signal : IgnoredSignals()) {
    sentry.add_ignored_signals(static_cast<uint32_t>(signal));
  }
  *sentry.mutable_mounts() = {mounts->mounts.begin(), mounts->mounts.end()};
  absl::StatusOr<std::string> sentry_filter = SentryFilter(*platform);
  UKRUN_RETURN_IF_ERROR(sentry_filter.status());
  absl::StatusOr<std::string> guest_filter = GuestFilter(*platform);
  UKRUN_RETURN_IF_ERROR(guest_filter.status());
  sentry.set_sentry_filter(*std::move(sentry_filter));
  sentry.set_guest_filter(*std::move(guest_filter));

  *plan.gofer.mutable_attach() = {mounts->attach.begin(), mounts->attach.end()};
  plan.gofer.set_debug(options.debug);
  if (!options.rootfs.has_value()) {
    plan.gofer.set_working_directory(mounts->cwd);
  }
  UKRUN_RETURN_IF_ERROR(AddHiddenPaths(options, files, *caller_cwd, plan.gofer));
  return plan;
}

}  // namespace ukrun
