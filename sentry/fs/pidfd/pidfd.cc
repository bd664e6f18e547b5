#include "sentry/fs/pidfd/pidfd.h"

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/kernel.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

class PidFile final : public File {
 public:
  PidFile(RefPtr<ThreadGroup> group, const OpenOptions& options)
      : File(AnonymousPath("anon_inode:[pidfd]", NewAnonymousInode()), options),
        group_(std::move(group)) {}

  Result<size_t> Read(GuestIo&) override { return Fail(EINVAL); }
  Result<size_t> Write(GuestIo&) override { return Fail(EINVAL); }
  Ready Readiness() override {
    MutexGuard guard(kernel().tasks().lock());
    return group_->zombie || group_->parent == nullptr ? Ready::kReadable : Ready::kNone;
  }
  WaitQueue* waiters() override { return &group_->exit_waiters; }
  std::string FdInfo() override {
    return Format("Pid:\t{}\nNSpid:\t{}\n", group_->pid(), group_->pid());
  }
  const void* kind() const override { return &kKind; }
  const RefPtr<ThreadGroup>& group() const { return group_; }

  static constexpr char kKind = 0;

 private:
  const RefPtr<ThreadGroup> group_;
};

}  // namespace

Result<Fd> OpenPidfd(Task& task, ThreadGroup& group, bool nonblocking) {
  OpenOptions options;
  options.read = true;
  options.write = true;
  options.status_flags = nonblocking ? O_NONBLOCK : 0u;
  return task.InstallFile(MakeRef<PidFile>(RefPtr<ThreadGroup>::Share(&group), options),
                          CloseOnExec::kYes);
}

Result<void> InstallPidfd(Task& task, ThreadGroup& group, GuestAddr out) {
  Fd fd = TRY(OpenPidfd(task, group, false));
  Result<void> stored = task.memory().Write(out, &fd.value, sizeof(fd.value));
  if (!stored.ok()) {
    static_cast<void>(task.fds().Close(task, fd));
  }
  return stored;
}

Result<RefPtr<ThreadGroup>> PidfdTarget(File& file) {
  if (file.kind() != &PidFile::kKind) {
    return Fail(EBADF);
  }
  return static_cast<PidFile&>(file).group();
}

}  // namespace ukrun
