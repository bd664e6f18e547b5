#include "sentry/fs/proc/descriptor_directory.h"

#include <charconv>

#include "base/format.h"
#include "base/thread.h"
#include "sentry/fs/proc/task_directory.h"
#include "sentry/fs/pseudo/text_file.h"

namespace ukrun {
namespace {

constexpr size_t kListPiece = 256;
// Inode numbers of descriptors stand behind those of the task table; two kinds of them.
constexpr uint32_t kFirstLinkIndex = 0x1000;
constexpr uint32_t kFirstInfoIndex = 0x80'0000;
constexpr uint32_t kMostIndices = 0x7f'0000;

enum class DescriptorKind : uint8_t { kLink, kInfo };

uint64_t DescriptorNumber(const ProcessTarget& target, DescriptorKind kind, int32_t fd) {
  uint32_t first = kind == DescriptorKind::kLink ? kFirstLinkIndex : kFirstInfoIndex;
  return TargetNumber(target, first + static_cast<uint32_t>(fd) % kMostIndices);
}

Result<RefPtr<FdTable>> FindTable(const ProcessTarget& target) {
  RefPtr<Task> task = TRY(target.Find());
  RefPtr<FdTable> table = task->Resources().fds;
  return table ? Result<RefPtr<FdTable>>(std::move(table)) : Fail(ENOENT);
}

Result<RefPtr<File>> FindFile(const ProcessTarget& target, int32_t fd) {
  Result<RefPtr<File>> file = TRY(FindTable(target))->Get(Fd{fd});
  return file.Is(EBADF) ? Fail(ENOENT) : file;
}

class DescriptorLink final : public PseudoInode {
 public:
  DescriptorLink(ProcFileSystem& file_system, const ProcessTarget& target, int32_t fd,
                 uint32_t permissions)
      : PseudoInode(file_system, S_IFLNK | permissions,
                    DescriptorNumber(target, DescriptorKind::kLink, fd)),
        target_(target),
        fd_(fd) {}

  Result<std::string> ReadLink() override {
    Task& reader = CurrentTask();
    return LinkText(reader, TRY(FollowMagicLink(reader)));
  }

  Result<Path> FollowMagicLink(Task& task) override {
    TRY(CheckInspect(task, *TRY(FindTask())));
    return TRY(FindFile(target_, fd_))->path();
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }
  void Describe(Attributes& attributes) override { attributes.size = 64; }

 private:
  Result<RefPtr<Task>> FindTask() const {
    Result<RefPtr<Task>> task = target_.Find();
    return task.ok() ? task : Fail(ENOENT);
  }

  const ProcessTarget target_;
  const int32_t fd_;
};

class DescriptorInfo final : public TextInode {
 public:
  DescriptorInfo(ProcFileSystem& file_system, const ProcessTarget& target, int32_t fd)
      : TextInode(file_system, S_IFREG | 0444, DescriptorNumber(target, DescriptorKind::kInfo, fd)),
        target_(target),
        fd_(fd) {}

  Result<std::string> Text(Task&) override {
    RefPtr<FdTable> table = TRY(FindTable(target_));
    RefPtr<File> file = TRY(FindFile(target_, fd_));
    uint32_t flags = file->status_flags();
    flags |=
        static_cast<uint32_t>(file->writable() ? (file->readable() ? O_RDWR : O_WRONLY) : O_RDONLY);
    Result<CloseOnExec> close = table->GetCloseOnExec(Fd{fd_});
    if (close.ok() && *close == CloseOnExec::kYes) {
      flags |= O_CLOEXEC;
    }
    uint64_t mount = file->path().mount ? file->path().mount->id() : 0;
    Inode* inode = file->inode();
    Result<Attributes> attributes =
        inode == nullptr ? Result<Attributes>(Attributes()) : inode->GetAttributes();
    std::string text = Format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", file->position(),
                              flags, mount, attributes.value_or(Attributes()).inode_number);
    return text + file->FdInfo();
  }

  Result<void> CheckOpen(Task& task) override { return CheckInspect(task, *TRY(target_.Find())); }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  const ProcessTarget target_;
  const int32_t fd_;
};

// Both directories list the same names.
class DescriptorDirectory final : public PseudoInode, public ListedDirectory {
 public:
  DescriptorDirectory(ProcFileSystem& file_system, const ProcessTarget& target, DescriptorKind kind,
                      uint64_t number)
      : PseudoInode(file_system, S_IFDIR | (kind == DescriptorKind::kLink ? 0500u : 0555u), number),
        proc_(file_system),
        target_(target),
        kind_(kind) {}

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view) override {
    int32_t fd = ParseDescriptor(name);
    if (fd < 0) {
      return Fail(ENOENT);
    }
    Result<RefPtr<File>> file = FindFile(target_, fd);
    if (!file.ok()) {
      return Fail(ENOENT);
    }
    if (kind_ == DescriptorKind::kInfo) {
      return RefPtr<Inode>(MakeRef<DescriptorInfo>(proc_, target_, fd));
    }
    // The permissions of the link tell what the descriptor may do.
    uint32_t permissions =
        ((*file)->readable() ? 0500u : 0100u) | ((*file)->writable() ? 0300u : 0100u);
    return RefPtr<Inode>(MakeRef<DescriptorLink>(proc_, target_, fd, permissions));
  }

  Result<RefPtr<File>> Open(Task& task, const Path& path, const OpenOptions& options) override {
    TRY(CheckInspect(task, *TRY(target_.Find())));
    return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
  }

 protected:
  PseudoOwner Owner() override {
    // A process may always look at its own descriptors, whoever it has become (as Linux's
    // proc_fd_permission).
    auto* task = static_cast<Task*>(CurrentThread().task);
    if (task != nullptr && &task->thread_group() == target_.group.get()) {
      return PseudoOwner{task->credentials().fsuid, task->credentials().fsgid};
    }
    return target_.Owner(ProcessTarget::OwnerOf::kContents);
  }

  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    std::vector<ListedEntry> listed;
    Result<RefPtr<FdTable>> table = FindTable(target_);
    if (!table.ok()) {
      return listed;
    }
    uint8_t type = DirectoryEntryType(kind_ == DescriptorKind::kLink ? S_IFLNK : S_IFREG);
    for (int32_t fd : (*table)->Numbers()) {
      uint64_t next = kFirstPosition + static_cast<uint64_t>(fd) + 1;
      if (next > position && listed.size() < kListPiece) {
        listed.push_back(
            ListedEntry{Format("{}", fd), DescriptorNumber(target_, kind_, fd), type, next});
      }
    }
    return listed;
  }

  // As on Linux since 6.2, the size is the number of open descriptors.
  void Describe(Attributes& attributes) override {
    Result<RefPtr<FdTable>> table = FindTable(target_);
    if (table.ok() && kind_ == DescriptorKind::kLink) {
      attributes.size = (*table)->Numbers().size();
    }
  }

 private:
  static int32_t ParseDescriptor(std::string_view name) {
    int32_t fd = -1;
    const char* end = name.data() + name.size();
    auto [rest, error] = std::from_chars(name.data(), end, fd);
    bool number = error == std::errc() && rest == end && name.front() != '-' &&
                  (name.front() != '0' || name.size() == 1);
    return number ? fd : -1;
  }

  ProcFileSystem& proc_;
  const ProcessTarget target_;
  const DescriptorKind kind_;
};

}  // namespace

RefPtr<PseudoInode> MakeDescriptorDirectory(ProcFileSystem& file_system,
                                            const ProcessTarget& target, uint64_t number) {
  return MakeRef<DescriptorDirectory>(file_system, target, DescriptorKind::kLink, number);
}

RefPtr<PseudoInode> MakeDescriptorInfoDirectory(ProcFileSystem& file_system,
                                                const ProcessTarget& target, uint64_t number) {
  return MakeRef<DescriptorDirectory>(file_system, target, DescriptorKind::kInfo, number);
}

}  // namespace ukrun
