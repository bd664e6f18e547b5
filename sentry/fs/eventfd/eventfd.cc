#include "sentry/fs/eventfd/eventfd.h"

#include "base/format.h"
#include "sentry/fs/anonymous/anonymous_inode.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {

RefPtr<File> EventFd::Create(uint32_t initial, Mode mode, uint32_t status_flags) {
  OpenOptions options{.read = true, .write = true, .status_flags = status_flags};
  return MakeRef<EventFd>(AnonymousPath("anon_inode:[eventfd]", NewAnonymousInode()), options,
                          initial, mode);
}

EventFd::EventFd(Path path, const OpenOptions& options, uint32_t initial, Mode mode)
    : File(std::move(path), options), mode_(mode), count_(uint64_t{initial}) {}

Result<size_t> EventFd::Read(GuestIo& io) {
  if (io.size() < sizeof(uint64_t)) {
    return Fail(EINVAL);
  }
  uint64_t taken = 0;
  {
    auto count = count_.Lock();
    if (*count == 0) {
      return Fail(EAGAIN);
    }
    taken = mode_ == Mode::kSemaphore ? 1 : *count;
    *count -= taken;
  }
  // As on Linux, the value is gone even if the copy below faults, so writers are woken
  // first. Guest memory is never touched under a lock: a copy may sleep.
  waiters_.Notify(Ready::kWritable);
  TRY(io.StoreU64(taken));
  return sizeof(uint64_t);
}

Result<size_t> EventFd::Write(GuestIo& io) {
  if (io.size() < sizeof(uint64_t)) {
    return Fail(EINVAL);
  }
  io.Truncate(sizeof(uint64_t));
  uint64_t added = TRY(io.LoadU64());
  if (added > kMost) {
    return Fail(EINVAL);
  }
  {
    auto count = count_.Lock();
    if (added > kMost - *count) {
      io.Rewind();
      return Fail(EAGAIN);
    }
    *count += added;
  }
  waiters_.Notify(Ready::kReadable);
  return sizeof(uint64_t);
}

Ready EventFd::Readiness() {
  auto count = count_.Lock();
  return (*count > 0 ? Ready::kReadable : Ready::kNone) |
         (*count < kMost ? Ready::kWritable : Ready::kNone);
}

std::string EventFd::FdInfo() {
  return Format("eventfd-count: {:>16x}\neventfd-semaphore: {}\n", *count_.Lock(),
                mode_ == Mode::kSemaphore ? 1 : 0);
}

}  // namespace ukrun
