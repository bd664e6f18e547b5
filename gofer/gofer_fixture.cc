#include "gofer/gofer_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gofer/server.h"
#include "ukrun/sandbox.pb.h"
#include "ukrun/startup.h"

namespace ukrun::gofer {
namespace {

[[noreturn]] void RunGofer(HostFd channel, HostFd socket, const std::string& tree_path,
                           const std::vector<std::string>& hide,
                           const std::vector<std::string>& homes, size_t descriptors) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  umask(0);
  std::string error;
  auto hiding = Hiding::Create(hide, homes, error);
  if (hiding == nullptr) {
    fprintf(stderr, "%s\n", error.c_str());
    _exit(1);
  }
  Tree tree(std::move(hiding), HostFd(open("/proc/self/fd", O_PATH | O_CLOEXEC)), descriptors);
  tree.AddAttachment({.host_path = tree_path, .writable = true});
  tree.AddAttachment({.host_path = tree_path, .writable = false});
  tree.AddAttachment({.host_path = tree_path, .writable = true, .takes_hidden_names = true});
  tree.batch().Start();
  auto server = Server::Create(std::move(channel), std::move(socket), tree);
  (*server)->StartWorkers(4);
  (*server)->Serve();
  _exit(0);
}

// Becomes the real gofer, started as ukrun does it.
[[noreturn]] void ExecGofer(HostFd channel, HostFd socket, const std::string& tree_path,
                            const std::vector<std::string>& hide,
                            const std::vector<std::string>& homes) {
  proto::GoferConfig config;
  for (bool writable : {true, false}) {
    proto::AttachPoint* point = config.add_attach();
    point->set_host_path(tree_path);
    point->set_writable(writable);
  }
  *config.mutable_hide() = {hide.begin(), hide.end()};
  *config.mutable_homes() = {homes.begin(), homes.end()};
  std::string bytes = config.SerializeAsString();
  int config_fd = memfd_create("config", 0);
  bool ok = write(config_fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  // Out of the way first, so that none is overwritten by another.
  int high[] = {fcntl(config_fd, F_DUPFD, 64), fcntl(socket.get(), F_DUPFD, 64),
                fcntl(channel.get(), F_DUPFD, 64)};
  ok = ok && dup2(high[0], startup::kGoferConfigFd) >= 0 &&
       dup2(high[1], startup::kGoferSentryFd) >= 0 && dup2(high[2], startup::kGoferChannelFd) >= 0;
  if (ok) {
    execl(UKRUN_GOFER_PROGRAM, "ukrun-gofer", nullptr);
  }
  perror(UKRUN_GOFER_PROGRAM);
  _exit(1);
}

}  // namespace

void GoferFixture::SetUp() {
  const char* temporary = getenv("TMPDIR");
  std::string pattern =
      std::string(temporary != nullptr ? temporary : "/tmp") + "/ukrun-gofer-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  root_ = std::filesystem::canonical(pattern);
}

void GoferFixture::TearDown() {
  client_ = nullptr;
  KillGofer();
  if (!root_.empty()) {
    std::filesystem::remove_all(root_);
  }
}

void GoferFixture::KillGofer() {
  if (gofer_ > 0) {
    kill(gofer_, SIGKILL);
    waitpid(gofer_, nullptr, 0);
    gofer_ = -1;
  }
}

void GoferFixture::StartUnattached(const Options& options) {
  const std::string& tree = options.tree.empty() ? root_ : options.tree;
  Result<HostFd> channel = Server::CreateChannel();
  ASSERT_TRUE(channel.ok());
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
  gofer_ = fork();
  ASSERT_GE(gofer_, 0);
  if (gofer_ == 0) {
    close(sockets[0]);
    if (options.program && kCanRunProgram) {
      ExecGofer(std::move(*channel), HostFd(sockets[1]), tree, options.hide, options.homes);
    }
    RunGofer(std::move(*channel), HostFd(sockets[1]), tree, options.hide, options.homes,
             options.descriptors);
  }
  close(sockets[1]);
  channel_ = HostFd(fcntl(channel->get(), F_DUPFD_CLOEXEC, 0));
  auto client = GoferClient::Create(channel->Release(), sockets[0], nullptr, options.on_broken);
  ASSERT_TRUE(client.ok());
  client_ = *std::move(client);
}

void GoferFixture::Start(const Options& options) {
  ASSERT_NO_FATAL_FAILURE(StartUnattached(options));
  Result<GoferNode> writable = client_->Attach(kWritable);
  ASSERT_TRUE(writable.ok()) << writable.error();
  writable_ = *writable;
  Result<GoferNode> read_only = client_->Attach(kReadOnly);
  ASSERT_TRUE(read_only.ok()) << read_only.error();
  read_only_ = *read_only;
}

void GoferFixture::WriteFile(const std::string& relative, const std::string& text) const {
  MakeDirectories(std::filesystem::path(relative).parent_path());
  std::ofstream(path(relative), std::ios::binary) << text;
}

std::string GoferFixture::ReadFile(const std::string& relative) const {
  std::ifstream file(path(relative), std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void GoferFixture::MakeDirectories(const std::string& relative) const {
  std::filesystem::create_directories(path(relative));
}

void GoferFixture::MakeSymlink(const std::string& target, const std::string& relative) const {
  std::filesystem::create_symlink(target, path(relative));
}

Result<GoferNode> GoferFixture::WalkTo(GoferHandle from, const std::string& relative) {
  std::vector<std::string_view> names;
  std::string_view rest = relative;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('/'), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  GoferWalk walk = TRY(client_->Walk(from, names));
  if (walk.nodes.size() == names.size()) {
    return walk.nodes.back();
  }
  return Fail(walk.error != 0 ? walk.error : ENOTDIR);
}

std::vector<std::string> GoferFixture::List(GoferHandle directory) {
  std::vector<std::string> names;
  uint64_t cookie = 0;
  while (true) {
    Result<GoferDirPage> page = client_->ReadDirectory(directory, cookie);
    if (!page.ok()) {
      ADD_FAILURE() << "ReadDirectory: " << page.error();
      return names;
    }
    for (const GoferDirEntry& entry : page->entries) {
      names.push_back(entry.name);
    }
    if (page->end) {
      std::sort(names.begin(), names.end());
      return names;
    }
    cookie = page->next_cookie;
  }
}

}  // namespace ukrun::gofer
