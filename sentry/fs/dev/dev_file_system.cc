#include "sentry/fs/dev/dev_file_system.h"

#include "sentry/fs/dev/memory_devices.h"
#include "sentry/fs/devpts/terminal_files.h"
#include "sentry/fs/tmpfs/tmpfs.h"

namespace ukrun {
namespace {

// Nodes and links are small; what else is written here counts as any tmpfs does.
constexpr uint64_t kSizeBytes = uint64_t{64} << 20;

struct Node {
  std::string_view name;
  uint32_t permissions;
  uint32_t major;
  uint32_t minor;
};

constexpr Node kNodes[] = {
    {"null", 0666, 1, 3},    {"zero", 0666, 1, 5}, {"full", 0666, 1, 7},    {"random", 0666, 1, 8},
    {"urandom", 0666, 1, 9}, {"tty", 0666, 5, 0},  {"console", 0600, 5, 1},
};

struct Link {
  std::string_view name;
  std::string_view target;
};

constexpr Link kLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

constexpr std::string_view kMountPoints[] = {"pts", "shm"};

}  // namespace

Result<RefPtr<FileSystem>> DevFileSystem::Create() {
  RegisterMemoryDevices();
  RegisterTerminalDevices();
  TmpfsOptions options;
  options.size_bytes = kSizeBytes;
  options.root_mode = 0755;
  RefPtr<TmpfsFileSystem> file_system = TmpfsFileSystem::Create(options);
  RefPtr<Inode> root = file_system->root();
  for (const Node& node : kNodes) {
    NewInode device;
    device.mode = S_IFCHR | node.permissions;
    device.special_device = MakeDevice(node.major, node.minor);
    TRY(root->Make(node.name, device));
  }
  for (const Link& link : kLinks) {
    NewInode symlink;
    symlink.mode = S_IFLNK | 0777;
    symlink.symlink_target = link.target;
    TRY(root->Make(link.name, symlink));
  }
  for (std::string_view name : kMountPoints) {
    NewInode directory;
    directory.mode = S_IFDIR | 0755;
    TRY(root->Make(name, directory));
  }
  return RefPtr<FileSystem>(std::move(file_system));
}

}  // namespace ukrun
