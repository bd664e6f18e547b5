#include "sentry/fs/devpts/devpts_file_system.h"

#include <linux/magic.h>

#include <charconv>

#include "base/format.h"
#include "sentry/fs/devpts/terminal.h"
#include "sentry/vfs/attribute_change.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr uint32_t kMostTerminals = 4096;  // kernel.pty.max
constexpr uint32_t kSlaveMajor = 136;
constexpr uint32_t kTerminalGroup = 5;  // "tty", as distributions mount it
constexpr uint64_t kFirstNodeNumber = 3;

// A device node whose owner and mode can be changed, as grantpt(3) may do.
class DeviceNode final : public PseudoInode {
 public:
  DeviceNode(PseudoFileSystem& file_system, uint32_t permissions, uint64_t number, uint64_t device,
             uint32_t uid, uint32_t gid)
      : PseudoInode(file_system, S_IFCHR | permissions, number),
        attributes_(Initial(permissions, device, uid, gid)) {}

  Result<void> SetAttributes(const AttributeChange& change) override {
    ApplyChange(*attributes_.Lock(), change);
    return Ok();
  }

 protected:
  void Describe(Attributes& attributes) override {
    Attributes own = *attributes_.Lock();
    own.device = attributes.device;
    own.inode_number = attributes.inode_number;
    own.block_size = attributes.block_size;
    attributes = own;
  }

 private:
  static Attributes Initial(uint32_t permissions, uint64_t device, uint32_t uid, uint32_t gid) {
    Attributes attributes;
    attributes.mode = S_IFCHR | permissions;
    attributes.special_device = device;
    attributes.uid = uid;
    attributes.gid = gid;
    int64_t now = FileTimeNow();
    attributes.access_time_ns = attributes.modify_time_ns = now;
    attributes.change_time_ns = attributes.birth_time_ns = now;
    return attributes;
  }

  Locked<Attributes, LockRank::kInodeSecond> attributes_;
};

}  // namespace

class DevptsFileSystem::Root final : public PseudoDirectory {
 public:
  explicit Root(DevptsFileSystem& devpts) : PseudoDirectory(devpts, 0755, 1), devpts_(devpts) {}

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override {
    uint32_t index = 0;
    const char* end = name.data() + name.size();
    auto [parsed, error] = std::from_chars(name.data(), end, index);
    bool canonical = name.front() != '0' || name.size() == 1;
    if (error == std::errc() && parsed == end && canonical) {
      RefPtr<PseudoInode> node = devpts_.FindNode(index);
      return node ? Result<RefPtr<Inode>>(RefPtr<Inode>(std::move(node))) : Fail(ENOENT);
    }
    return PseudoDirectory::Lookup(name, rest);
  }

 protected:
  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    uint64_t first_node = kFirstPosition + size() + 1;
    if (position < first_node - 1) {
      return PseudoDirectory::List(position);
    }
    std::vector<ListedEntry> listed;
    auto state = devpts_.state_.Lock();
    for (const auto& [index, node] : state->nodes) {
      if (first_node + index > position) {
        listed.push_back(ListedEntry{Format("{}", index), node.inode->number(),
                                     DirectoryEntryType(S_IFCHR), first_node + index});
      }
    }
    return listed;
  }

 private:
  DevptsFileSystem& devpts_;
};

DevptsFileSystem& DevptsFileSystem::Instance() {
  static constinit Mutex lock{LockRank::kFileSystemStart};
  static constinit DevptsFileSystem* instance = nullptr;
  MutexGuard guard(lock);
  if (instance == nullptr) {
    instance = new DevptsFileSystem;
  }
  return *instance;
}

DevptsFileSystem::DevptsFileSystem() : PseudoFileSystem("devpts", DEVPTS_SUPER_MAGIC) {
  root_ = MakeRef<Root>(*this);
  root_->Add("ptmx", MakeRef<DeviceNode>(*this, 0666u, uint64_t{2}, MakeDevice(5, 2), 0u, 0u));
}

RefPtr<Inode> DevptsFileSystem::root() { return root_; }

Result<uint32_t> DevptsFileSystem::AllocateIndex() {
  auto state = state_.Lock();
  uint32_t index = 0;
  for (uint32_t taken : state->taken) {
    if (taken != index) {
      break;
    }
    ++index;
  }
  if (index >= kMostTerminals) {
    return Fail(ENOSPC);
  }
  state->taken.insert(index);
  return index;
}

void DevptsFileSystem::ReleaseIndex(uint32_t index) { state_.Lock()->taken.erase(index); }

void DevptsFileSystem::AddTerminal(Terminal& terminal, uint32_t uid) {
  uint32_t index = terminal.index();
  auto node = MakeRef<DeviceNode>(*this, 0620u, kFirstNodeNumber + index,
                                  MakeDevice(kSlaveMajor, index), uid, kTerminalGroup);
  state_.Lock()->nodes[index] = Node{std::move(node), &terminal};
}

void DevptsFileSystem::RemoveTerminal(uint32_t index) {
  RefPtr<PseudoInode> released;
  auto state = state_.Lock();
  auto found = state->nodes.find(index);
  if (found != state->nodes.end()) {
    released = std::move(found->second.inode);
    state->nodes.erase(found);
  }
}

Result<RefPtr<Terminal>> DevptsFileSystem::FindTerminal(uint32_t index) {
  auto state = state_.Lock();
  auto found = state->nodes.find(index);
  if (found == state->nodes.end() || !found->second.terminal->TryRef()) {
    return Fail(EIO);
  }
  return RefPtr<Terminal>::Adopt(found->second.terminal);
}

RefPtr<PseudoInode> DevptsFileSystem::FindNode(uint32_t index) {
  auto state = state_.Lock();
  auto found = state->nodes.find(index);
  return found == state->nodes.end() ? nullptr : found->second.inode;
}

Path DevptsFileSystem::SlavePath(uint32_t index, const RefPtr<Mount>& mount) {
  RefPtr<Inode> inode = FindNode(index);
  std::string name = Format("{}", index);
  RefPtr<Mount> place;
  if (mount && &mount->file_system() == this) {
    place = mount;
  }
  for (const RefPtr<Mount>& other : AllMounts()) {
    if (!place && &other->file_system() == this) {
      place = other;
    }
  }
  if (!place || !inode) {
    return AnonymousPath("/dev/pts/" + name, std::move(inode));
  }
  const RefPtr<Dentry>& directory = place->root();
  MutexGuard guard(directory->directory_lock());
  RefPtr<Dentry> dentry = directory->Find(name);
  if (!dentry || dentry->inode() != inode) {
    dentry = directory->Insert(name, std::move(inode));
  }
  return Path{place, std::move(dentry)};
}

}  // namespace ukrun
