#include "sentry/fs/proc/proc_root.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "sentry/fs/proc/task_directory.h"
#include "sentry/kernel.h"

namespace ukrun {
namespace {

// Where processes begin in a listing; all other entries come before.
constexpr uint64_t kFirstProcess = uint64_t{1} << 20;
constexpr size_t kListPiece = 256;

class ProcRoot final : public PseudoDirectory {
 public:
  explicit ProcRoot(ProcFileSystem& file_system)
      : PseudoDirectory(file_system, 0555, 1), proc_(file_system) {}

  // As on Linux, a thread's id works too, though it is not listed.
  Result<RefPtr<Inode>> Lookup(std::string_view name, std::string_view rest) override {
    int32_t id = ParseId(name);
    if (id < 0) {
      return PseudoDirectory::Lookup(name, rest);
    }
    RefPtr<Task> task = kernel().tasks().FindTask(id);
    if (!task) {
      return Fail(ENOENT);
    }
    RefPtr<ThreadGroup> group = RefPtr<ThreadGroup>::Share(&task->thread_group());
    return RefPtr<Inode>(
        MakeTaskDirectory(proc_, ProcessTarget{std::move(group), id, TargetKind::kProcess}));
  }

 protected:
  Result<std::vector<ListedEntry>> List(uint64_t position) override {
    if (position < kFirstProcess) {
      std::vector<ListedEntry> entries = TRY(PseudoDirectory::List(position));
      if (!entries.empty()) {
        return entries;
      }
    }
    std::vector<ListedEntry> entries;
    for (const RefPtr<ThreadGroup>& group : kernel().tasks().AllGroups()) {
      uint64_t place = kFirstProcess + static_cast<uint64_t>(group->pid());
      if (place > position && entries.size() < kListPiece) {
        ProcessTarget target{group, group->pid(), TargetKind::kProcess};
        entries.push_back(ListedEntry{Format("{}", group->pid()), TargetNumber(target, 0),
                                      DirectoryEntryType(S_IFDIR), place});
      }
    }
    return entries;
  }

  void Describe(Attributes& attributes) override {
    PseudoDirectory::Describe(attributes);
    attributes.link_count += static_cast<uint32_t>(kernel().tasks().AllGroups().size());
  }

 private:
  ProcFileSystem& proc_;
};

// Links that say something else to every reader.
class SelfLink final : public PseudoInode {
 public:
  enum class Kind : uint8_t { kProcess, kThread };
  SelfLink(ProcFileSystem& file_system, Kind kind)
      : PseudoInode(file_system, S_IFLNK | 0777), kind_(kind) {}

  Result<std::string> ReadLink() override {
    Task& reader = CurrentTask();
    int32_t pid = reader.thread_group().pid();
    return kind_ == Kind::kProcess ? Format("{}", pid) : Format("{}/task/{}", pid, reader.tid());
  }

 private:
  const Kind kind_;
};

}  // namespace

int32_t ParseId(std::string_view name) {
  int32_t id = -1;
  const char* end = name.data() + name.size();
  auto [rest, error] = std::from_chars(name.data(), end, id);
  bool number =
      error == std::errc() && rest == end && id > 0 && name.front() != '0' && name.front() != '-';
  return number ? id : -1;
}

RefPtr<PseudoDirectory> MakeProcRoot(ProcFileSystem& file_system) {
  auto root = MakeRef<ProcRoot>(file_system);
  root->Add("self", MakeRef<SelfLink>(file_system, SelfLink::Kind::kProcess));
  root->Add("thread-self", MakeRef<SelfLink>(file_system, SelfLink::Kind::kThread));
  return root;
}

}  // namespace ukrun
