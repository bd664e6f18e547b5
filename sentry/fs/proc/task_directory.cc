#include "sentry/fs/proc/task_directory.h"

#include "base/format.h"
#include "sentry/fs/proc/proc_root.h"
#include "sentry/fs/proc/task_table.h"
#include "sentry/fs/pseudo/text_file.h"
#include "sentry/kernel.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// What a row needs to answer, or why it cannot.
template <typename Action>
auto WithTarget(Task& reader, const ProcessTarget& target, const TaskEntry& entry, Action action)
    -> decltype(action(std::declval<const TargetView&>())) {
  RefPtr<Task> task = TRY(target.Find());
  if (entry.reach == TaskEntry::Reach::kInspect) {
    TRY(CheckInspect(reader, *task));
  }
  return action(TargetView{reader, target, *task, task->Resources()});
}

class TaskText final : public TextInode {
 public:
  TaskText(ProcFileSystem& file_system, const ProcessTarget& target, const TaskEntry& entry,
           uint64_t number)
      : TextInode(file_system, entry.mode, number), target_(target), entry_(entry) {}

  Result<std::string> Text(Task& reader) override {
    return WithTarget(reader, target_, entry_, entry_.text);
  }
  Result<void> Apply(Task& writer, std::string_view text) override {
    if (entry_.apply == nullptr) {
      return TextInode::Apply(writer, text);
    }
    return WithTarget(writer, target_, entry_,
                      [&](const TargetView& view) { return entry_.apply(view, text); });
  }
  Result<void> CheckOpen(Task& task) override {
    return WithTarget(task, target_, entry_, [](const TargetView&) { return Ok(); });
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  const ProcessTarget target_;
  const TaskEntry& entry_;
};

class TaskLink final : public PseudoInode {
 public:
  TaskLink(ProcFileSystem& file_system, const ProcessTarget& target, const TaskEntry& entry,
           uint64_t number)
      : PseudoInode(file_system, entry.mode, number), target_(target), entry_(entry) {}

  Result<std::string> ReadLink() override {
    Task& reader = CurrentTask();
    return LinkText(reader, TRY(FollowMagicLink(reader)));
  }
  Result<Path> FollowMagicLink(Task& task) override {
    Result<Path> path = WithTarget(task, target_, entry_, entry_.follow);
    // As on Linux, links of a process that is gone are missing, not broken.
    return path.Is(ESRCH) ? Fail(ENOENT) : path;
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kContents); }

 private:
  const ProcessTarget target_;
  const TaskEntry& entry_;
};

bool Belongs(const TaskEntry& entry, TargetKind kind) {
  return entry.where == TaskEntry::Where::kBoth ||
         (entry.where == TaskEntry::Where::kProcess) == (kind == TargetKind::kProcess);
}

class TaskDirectory final : public PseudoInode, public ListedDirectory {
 public:
  TaskDirectory(ProcFileSystem& file_system, const ProcessTarget& target)
      : PseudoInode(file_system, S_IFDIR | 0555, TargetNumber(target, 0)),
        proc_(file_system),
        target_(target) {}

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view) override {
    TRY(Alive());
    uint32_t index = 0;
    for (const TaskEntry& entry : TaskEntries()) {
      ++index;
      if (entry.name == name && Belongs(entry, target_.kind)) {
        return MakeEntry(entry, TargetNumber(target_, index));
      }
    }
    return Fail(ENOENT);
  }

  Result<RefPtr<File>> Open(Task&, const Path& path, const OpenOptions& options) override {
    return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kDirectory); }

  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    TRY(Alive());
    std::vector<ListedEntry> listed;
    uint32_t index = 0;
    for (const TaskEntry& entry : TaskEntries()) {
      uint64_t next = kFirstPosition + ++index;
      if (next > position && Belongs(entry, target_.kind)) {
        listed.push_back(ListedEntry{std::string(entry.name), TargetNumber(target_, index),
                                     DirectoryEntryType(entry.mode), next});
      }
    }
    return listed;
  }

  void Describe(Attributes& attributes) override {
    for (const TaskEntry& entry : TaskEntries()) {
      bool directory = IsDirectoryMode(entry.mode) && Belongs(entry, target_.kind);
      attributes.link_count += directory ? 1u : 0u;
    }
  }

 private:
  Result<void> Alive() const { return target_.Find().ok() ? Ok() : Result<void>(Fail(ENOENT)); }

  RefPtr<Inode> MakeEntry(const TaskEntry& entry, uint64_t number) {
    if (entry.make != nullptr) {
      return entry.make(proc_, target_, number);
    }
    if (entry.follow != nullptr) {
      return MakeRef<TaskLink>(proc_, target_, entry, number);
    }
    return MakeRef<TaskText>(proc_, target_, entry, number);
  }

  ProcFileSystem& proc_;
  const ProcessTarget target_;
};

// /proc/PID/task
class ThreadList final : public PseudoInode, public ListedDirectory {
 public:
  ThreadList(ProcFileSystem& file_system, const ProcessTarget& target, uint64_t number)
      : PseudoInode(file_system, S_IFDIR | 0555, number), proc_(file_system), target_(target) {}

  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view) override {
    ProcessTarget thread{target_.group, ParseId(name), TargetKind::kThread};
    if (thread.tid < 0 || !thread.Find().ok()) {
      return Fail(ENOENT);
    }
    return RefPtr<Inode>(MakeTaskDirectory(proc_, thread));
  }

  Result<RefPtr<File>> Open(Task&, const Path& path, const OpenOptions& options) override {
    return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
  }

 protected:
  PseudoOwner Owner() override { return target_.Owner(ProcessTarget::OwnerOf::kDirectory); }

  // In the order of ids, which is that of places.
  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    std::vector<ListedEntry> listed;
    for (int32_t tid : Threads()) {
      uint64_t next = kFirstPosition + static_cast<uint64_t>(tid);
      if (next > position) {
        ProcessTarget thread{target_.group, tid, TargetKind::kThread};
        listed.push_back(ListedEntry{Format("{}", tid), TargetNumber(thread, 0),
                                     DirectoryEntryType(S_IFDIR), next});
      }
    }
    return listed;
  }

  void Describe(Attributes& attributes) override {
    attributes.link_count += static_cast<uint32_t>(Threads().size());
  }

 private:
  std::set<int32_t> Threads() const {
    std::set<int32_t> threads;
    for (const RefPtr<Task>& task : kernel().tasks().TasksOf(*target_.group)) {
      threads.insert(task->tid());
    }
    return threads;
  }

  ProcFileSystem& proc_;
  const ProcessTarget target_;
};

}  // namespace

RefPtr<PseudoInode> MakeTaskDirectory(ProcFileSystem& file_system, const ProcessTarget& target) {
  return MakeRef<TaskDirectory>(file_system, target);
}

RefPtr<PseudoInode> MakeThreadList(ProcFileSystem& file_system, const ProcessTarget& target,
                                   uint64_t number) {
  return MakeRef<ThreadList>(file_system, target, number);
}

RefPtr<PseudoInode> MakeNetDirectory(ProcFileSystem& file_system, const ProcessTarget&, uint64_t) {
  return file_system.net();
}

std::string LinkText(Task& reader, const Path& path) { return PathName(path, reader.fs().root()); }

}  // namespace ukrun
