// ukrun-gofer: the only process of a sandbox that can name a host path.
//
// Started by ukrun with the descriptors of ukrun/startup.h. Reads its configuration, opens
// what it serves, gives up its rights, and answers until the Sentry is gone.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gofer/debug_log.h"
#include "gofer/harden.h"
#include "gofer/server.h"
#include "gofer/tree.h"
#include "ukrun/sandbox.pb.h"
#include "ukrun/startup.h"

namespace ukrun::gofer {
namespace {

// As many requests as may wait for a disk at once; more CPUs than this don't help.
constexpr unsigned kWorkers = 4;
// ukrun's own failures have this status.
constexpr int kFailed = 125;
constexpr size_t kLargestConfig = size_t{16} * 1024 * 1024;

[[noreturn]] void Fatal(const std::string& what, int error) {
  std::string line = "ukrun: gofer: " + what;
  if (error != 0) {
    line += std::string(": ") + strerror(error);
  }
  fprintf(stderr, "%s\n", line.c_str());
  _exit(kFailed);
}

void Check(const Result<void>& result, const char* what) {
  if (!result.ok()) {
    Fatal(what, result.error());
  }
}

proto::GoferConfig ReadConfig() {
  HostFd fd(startup::kGoferConfigFd);
  struct stat status;
  if (fstat(fd.get(), &status) != 0) {
    Fatal("is started by ukrun, not by hand", 0);
  }
  size_t size = static_cast<size_t>(status.st_size);
  std::string bytes(std::min(size, kLargestConfig), '\0');
  proto::GoferConfig config;
  if (size > kLargestConfig ||
      pread(fd.get(), bytes.data(), size, 0) != static_cast<ssize_t>(size) ||
      !config.ParseFromString(bytes)) {
    Fatal("can't read its configuration", 0);
  }
  return config;
}

std::unique_ptr<Tree> OpenTree(const proto::GoferConfig& config) {
  std::string error;
  std::vector<std::string> patterns(config.hide().begin(), config.hide().end());
  std::vector<std::string> homes(config.homes().begin(), config.homes().end());
  std::unique_ptr<Hiding> hiding = Hiding::Create(patterns, homes, error);
  if (hiding == nullptr) {
    Fatal(error, 0);
  }
  HostFd proc_fds(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc_fds.valid()) {
    Fatal("needs /proc", errno);
  }
  auto tree = std::make_unique<Tree>(std::move(hiding), std::move(proc_fds),
                                     NodeTable::kDefaultDescriptors);
  for (const proto::AttachPoint& point : config.attach()) {
    tree->AddAttachment({.host_path = point.host_path(),
                         .writable = point.writable(),
                         .takes_hidden_names = point.takes_hidden_names()});
  }
  if (!config.working_directory().empty()) {
    tree->AddSearchedTree(config.working_directory());
  }
  if (!tree->batch().Start()) {
    DebugLog("the host refuses io_uring; batches are made of plain calls");
  }
  return tree;
}

// Leaves of the host's files those that are served. Directories that are hidden stay
// listable: they are searched for files that have other names elsewhere.
void RestrictToTree(Tree& tree) {
  std::vector<LandlockRule> rules;
  std::vector<SharedFd> kept;
  std::vector<HostFd> hidden;
  for (const auto& attachment : tree.attachments()) {
    if (attachment->error != 0) {
      continue;
    }
    Result<SharedFd> fd = tree.nodes().Descriptor(attachment->root);
    if (!fd.ok()) {
      continue;
    }
    kept.push_back(*fd);
    using Access = LandlockRule::Access;
    rules.push_back({.fd = kept.back()->get(),
                     .is_directory = attachment->root->type == S_IFDIR,
                     .access = attachment->writable ? Access::kReadAndChange : Access::kRead});
  }
  for (const std::string& path : tree.hiding().inodes().directories()) {
    hidden.emplace_back(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (hidden.back().valid()) {
      rules.push_back({.fd = hidden.back().get(),
                       .is_directory = true,
                       .access = LandlockRule::Access::kListOnly});
    }
  }
  Result<bool> restricted = RestrictPaths(rules);
  if (!restricted.ok()) {
    Fatal("can't restrict itself with Landlock", restricted.error());
  }
  if (!*restricted) {
    DebugLog("the host has no Landlock; files are confined by the gofer's own rules alone");
  }
}

int Run() {
  Check(TieToParent(), "can't tie its life to ukrun's");
  CloseDescriptorsAbove(startup::kGoferChannelFd);
  proto::GoferConfig config = ReadConfig();
  if (config.debug()) {
    EnableDebugLog();
  }
  std::unique_ptr<Tree> tree = OpenTree(config);
  Result<std::unique_ptr<Server>> server =
      Server::Create(HostFd(startup::kGoferChannelFd), HostFd(startup::kGoferSentryFd), *tree);
  if (!server.ok()) {
    Fatal("can't use its channel", server.error());
  }
  Changes changes = Changes::kNone;
  for (const auto& attachment : tree->attachments()) {
    if (attachment->writable) {
      changes = Changes::kAllowed;
    }
    if (attachment->error != 0) {
      DebugLog(attachment->host_path + ": " + strerror(attachment->error));
    }
  }
  Check(KeepFileCapabilitiesOnly(changes), "can't give up its capabilities");
  RestrictToTree(*tree);
  (*server)->StartWorkers(kWorkers);
  Check(InstallFilter(changes), "can't install its system call filter");
  (*server)->Serve();
  _exit(0);
}

}  // namespace
}  // namespace ukrun::gofer

int main() { return ukrun::gofer::Run(); }
