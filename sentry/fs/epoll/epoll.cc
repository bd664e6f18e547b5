#include "sentry/fs/epoll/epoll.h"

#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

class EpollFile final : public File {
 public:
  EpollFile(Path path, const OpenOptions& options) : File(std::move(path), options) {}
  ~EpollFile() override { set_->Close(); }

  // As on Linux, where seeking moves nothing and succeeds.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Ready Readiness() override { return set_->IsReady() ? Ready::kReadable : Ready::kNone; }
  WaitQueue* waiters() override { return &set_->pollers(); }
  std::string FdInfo() override { return set_->Describe(); }
  const void* kind() const override { return &kKind; }
  const RefPtr<EpollSet>& set() const { return set_; }

  static constexpr char kKind = 0;

 private:
  const RefPtr<EpollSet> set_ = MakeRef<EpollSet>();
};

}  // namespace

RefPtr<File> CreateEpoll() {
  OpenOptions options{.read = true, .write = true};
  return MakeRef<EpollFile>(AnonymousPath("anon_inode:[eventpoll]", NewAnonymousInode()), options);
}

RefPtr<EpollSet> FindEpollSet(File& file) {
  return file.kind() == &EpollFile::kKind ? static_cast<EpollFile&>(file).set() : nullptr;
}

}  // namespace ukrun
