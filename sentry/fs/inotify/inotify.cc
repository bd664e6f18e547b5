#include "sentry/fs/inotify/inotify.h"

#include <sys/ioctl.h>

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/task/task.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// fs.inotify.max_user_instances, more generous than Linux's 128: each holds a bounded queue.
constexpr uint32_t kMostInstances = 1024;
constinit std::atomic<uint32_t> instances{0};

class InotifyFile final : public File {
 public:
  InotifyFile(Path path, const OpenOptions& options) : File(std::move(path), options) {}

  ~InotifyFile() override {
    for (const RefPtr<Watch>& watch : instance_->AllWatches()) {
      watch->list.Remove(*watch, WatchList::Tell::kNo);
    }
    instances.fetch_sub(1);
  }

  Result<size_t> Read(GuestIo& io) override { return instance_->Read(io); }
  // As on Linux, where seeking moves nothing and succeeds.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Ready Readiness() override { return instance_->HasEvents() ? Ready::kReadable : Ready::kNone; }
  WaitQueue* waiters() override { return &instance_->waiters(); }

  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override {
    if (request != FIONREAD) {
      return Fail(ENOTTY);
    }
    auto bytes = static_cast<int32_t>(instance_->bytes());
    TRY(task.memory().Write(argument, &bytes, sizeof(bytes)));
    return int64_t{0};
  }

  std::string FdInfo() override {
    std::string text;
    for (const RefPtr<Watch>& watch : instance_->AllWatches()) {
      RefPtr<Inode> watched = watch->path.dentry->inode();
      Attributes attributes = watched->GetAttributes().value_or(Attributes());
      AppendFormat(text, "inotify wd:{:x} ino:{:x} sdev:{:x} mask:{:x} ignored_mask:0 \n",
                   watch->descriptor, attributes.inode_number, attributes.device,
                   watch->list.MaskOf(*watch));
    }
    return text;
  }

  const void* kind() const override { return &kKind; }
  const RefPtr<InotifyInstance>& instance() const { return instance_; }

  static constexpr char kKind = 0;

 private:
  const RefPtr<InotifyInstance> instance_ = MakeRef<InotifyInstance>();
};

}  // namespace

Result<RefPtr<File>> CreateInotify(uint32_t status_flags) {
  if (instances.fetch_add(1) >= kMostInstances) {
    instances.fetch_sub(1);
    return Fail(EMFILE);
  }
  OpenOptions options{.read = true, .status_flags = status_flags};
  return RefPtr<File>(
      MakeRef<InotifyFile>(AnonymousPath("anon_inode:inotify", NewAnonymousInode()), options));
}

RefPtr<InotifyInstance> FindInotify(File& file) {
  return file.kind() == &InotifyFile::kKind ? static_cast<InotifyFile&>(file).instance() : nullptr;
}

}  // namespace ukrun
