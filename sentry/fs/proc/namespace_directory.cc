#include "sentry/fs/proc/namespace_directory.h"

#include <linux/magic.h>

#include "base/format.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

struct NamespaceName {
  std::string_view name;  // in the directory
  std::string_view type;  // in the link
  uint32_t number;        // include/linux/proc_ns.h; net and mnt as a usual boot numbers them
};

constexpr NamespaceName kNamespaces[] = {
    {"cgroup", "cgroup", 4026531835}, {"ipc", "ipc", 4026531839},
    {"mnt", "mnt", 4026531841},       {"net", "net", 4026531840},
    {"pid", "pid", 4026531836},       {"pid_for_children", "pid", 4026531836},
    {"time", "time", 4026531834},     {"time_for_children", "time", 4026531834},
    {"user", "user", 4026531837},     {"uts", "uts", 4026531838},
};
constexpr uint32_t kFirstIndex = 0x800;

// A descriptor of a namespace: good for being held and compared.
class NamespaceFile final : public File {
 public:
  using File::File;
  Result<size_t> Read(GuestIo&) override { return Fail(EINVAL); }
  Result<size_t> Write(GuestIo&) override { return Fail(EINVAL); }
};

class NamespaceFileSystem final : public PseudoFileSystem {
 public:
  NamespaceFileSystem() : PseudoFileSystem("nsfs", NSFS_MAGIC) {}
  RefPtr<Inode> root() override { return nullptr; }
};

class NamespaceInode final : public PseudoInode {
 public:
  NamespaceInode(RefPtr<PseudoFileSystem> file_system, uint32_t number)
      : PseudoInode(*file_system, S_IFREG | 0444, number), kept_(std::move(file_system)) {}
  Result<RefPtr<File>> Open(Task&, const Path& path, const OpenOptions& options) override {
    return RefPtr<File>(MakeRef<NamespaceFile>(path, options));
  }

 private:
  // It has no mount that would keep it.
  const RefPtr<PseudoFileSystem> kept_;
};

class NamespaceLink final : public PseudoInode {
 public:
  NamespaceLink(ProcFileSystem& file_system, RefPtr<PseudoFileSystem> namespaces,
                const ProcessTarget& target, size_t index)
      : PseudoInode(file_system, S_IFLNK | 0777,
                    TargetNumber(target, kFirstIndex + static_cast<uint32_t>(index))),
        namespaces_(std::move(namespaces)),
        target_(target),
        name_(kNamespaces[index]) {}

  Result<std::string> ReadLink() override {
    TRY(Check(CurrentTask()));
    return LinkText();
  }
  Result<Path> FollowMagicLink(Task& task) override {
    TRY(Check(task));
    return AnonymousPath(LinkText(), MakeRef<NamespaceInode>(namespaces_, name_.number));
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  Result<void> Check(Task& task) const {
    Result<RefPtr<Task>> target = target_.Find();
    return target.ok() ? CheckInspect(task, **target) : Fail(ENOENT);
  }
  std::string LinkText() const { return Format("{}:[{}]", name_.type, name_.number); }

  const RefPtr<PseudoFileSystem> namespaces_;
  const ProcessTarget target_;
  const NamespaceName& name_;
};

class NamespaceDirectory final : public PseudoDirectory {
 public:
  NamespaceDirectory(ProcFileSystem& file_system, const ProcessTarget& target, uint64_t number)
      : PseudoDirectory(file_system, 0511, number), target_(target) {
    const RefPtr<PseudoFileSystem>& namespaces = file_system.namespaces();
    for (size_t i = 0; i < std::size(kNamespaces); ++i) {
      Add(kNamespaces[i].name, MakeRef<NamespaceLink>(file_system, namespaces, target, i));
    }
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  const ProcessTarget target_;
};

}  // namespace

RefPtr<PseudoFileSystem> MakeNamespaceFileSystem() { return MakeRef<NamespaceFileSystem>(); }

RefPtr<PseudoInode> MakeNamespaceDirectory(ProcFileSystem& file_system, const ProcessTarget& target,
                                           uint64_t number) {
  return MakeRef<NamespaceDirectory>(file_system, target, number);
}

}  // namespace ukrun
