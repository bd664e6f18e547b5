// Requests of a hostile Sentry, to the point where the host is asked. A run is a sequence of
// requests against a small tree: for each a method, a length, and as many bytes of message.
// Nothing may crash, and nothing outside the tree may change or be given away.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "gofer/channel.h"
#include "gofer/service.h"

namespace {

using namespace ukrun;
using namespace ukrun::gofer;

std::filesystem::path MakeFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "ukrun-fuzz-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    abort();
  }
  return pattern;
}

void FillTree(const std::filesystem::path& tree) {
  std::filesystem::create_directories(tree / "a/b");
  std::ofstream(tree / "a/file") << "contents";
  std::ofstream(tree / "a/.env") << "secret";
  std::error_code ignored;
  std::filesystem::create_symlink("/etc", tree / "a/link", ignored);
}

// A donated descriptor is of a regular file in the tree that isn't hidden.
void CheckDescriptor(const HostFd& fd, const std::string& tree) {
  struct stat status;
  std::string place = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd.get()));
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || !place.starts_with(tree) ||
      place.ends_with("/.env")) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path folder = MakeFolder();
  std::filesystem::path tree_path = folder / "tree";
  FillTree(tree_path);
  std::vector<std::string> hide{"file:**/.env"};
  std::string error;
  Tree tree(Hiding::Create(hide, {}, error), HostFd(open("/proc/self/fd", O_PATH | O_CLOEXEC)), 3);
  tree.AddAttachment({.host_path = tree_path, .writable = true});
  tree.AddAttachment({.host_path = tree_path, .writable = false});
  // Handles 1 and 2 are the roots; counting them makes them usable without ATTACH.
  if (!tree.Attach(0).ok() || !tree.Attach(1).ok()) {
    abort();
  }
  Service service(tree);
  std::vector<char> reply(kReplyBytes);
  std::span<const char> rest(static_cast<const char*>(static_cast<const void*>(data)), size);
  while (rest.size() >= 2) {
    uint32_t method = static_cast<uint8_t>(rest[0]);
    size_t length = std::min<size_t>(static_cast<uint8_t>(rest[1]), rest.size() - 2);
    Service::Answer answer = service.Handle(method, rest.subspan(2, length), reply);
    if (answer.error > 133 || (answer.error != 0 && !answer.descriptors.empty())) {
      abort();
    }
    for (const HostFd& fd : answer.descriptors) {
      CheckDescriptor(fd, folder);
    }
    rest = rest.subspan(2 + length);
  }
  std::filesystem::remove_all(tree_path);
  return 0;
}
