#include "sentry/vfs/file.h"

#include <algorithm>

#include "base/check.h"
#include "base/thread.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/mappable.h"
#include "sentry/vfs/attachments.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/size_limit.h"
#include "sentry/vfs/write_access.h"

namespace ukrun {
namespace {

// Guards every file's list of observers.
constinit Mutex observers_lock(LockRank::kCloseObservers);

}  // namespace

File::File(Path path, const OpenOptions& options)
    : path_(std::move(path)),
      readable_(options.read),
      writable_(options.write),
      status_flags_(options.status_flags & ~uint32_t{O_NOCTTY}) {
  if (Inode* opened = inode()) {
    opened->open_count().fetch_add(1);
  }
}

File::~File() {
  Inode* opened = inode();
  if (opened == nullptr) {
    return;
  }
  if (holds_write_access_) {
    PutWriteAccess(*opened);
  }
  if (denies_write_access_) {
    AllowWriteAccess(*opened);
  }
  bool last = opened->open_count().fetch_sub(1) == 1;
  if (last && path_.dentry->unlinked()) {
    NotifyIfGone(*opened);
  }
}

void File::Unref() const {
  if (DropReference()) {
    const_cast<File*>(this)->AnnounceEnd();
    delete this;
  }
}

void File::AnnounceEnd() {
  while (observers_.load(std::memory_order_acquire) != nullptr) {
    CloseObserver* observer = nullptr;
    {
      MutexGuard guard(observers_lock);
      observer = observers_.load(std::memory_order_relaxed);
      if (observer == nullptr) {
        break;
      }
      observers_.store(observer->next_, std::memory_order_relaxed);
      observer->file_ = nullptr;
      observer->next_ = nullptr;
    }
    observer->OnFileGone(*this);
  }
  Inode* opened = inode();
  if (opened == nullptr) {
    return;
  }
  if (Inode::Attachments* attachments = opened->attachments_if_any()) {
    attachments->locks().ReleaseFile(*this);
  }
  if (!path_only()) {
    NotifyObject(path_, writable_ ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
  }
}

void File::AddCloseObserver(CloseObserver& observer) {
  MutexGuard guard(observers_lock);
  UKRUN_CHECK(observer.file_ == nullptr);
  observer.file_ = this;
  observer.next_ = observers_.load(std::memory_order_relaxed);
  observers_.store(&observer, std::memory_order_release);
}

bool File::RemoveCloseObserver(CloseObserver& observer) {
  MutexGuard guard(observers_lock);
  if (observer.file_ == nullptr) {
    return false;
  }
  File& file = *std::exchange(observer.file_, nullptr);
  CloseObserver* current = file.observers_.load(std::memory_order_relaxed);
  CloseObserver* next = std::exchange(observer.next_, nullptr);
  if (current == &observer) {
    file.observers_.store(next, std::memory_order_relaxed);
    return true;
  }
  while (current->next_ != &observer) {
    current = current->next_;
  }
  current->next_ = next;
  return true;
}

int64_t File::position() const { return position_.UnlockedValue().load(); }

// What a file cannot do: reading a directory as bytes says so, anything else is EINVAL.
Result<size_t> File::Read(GuestIo&) {
  Inode* opened = inode();
  return Fail(opened != nullptr && opened->type() == S_IFDIR ? EISDIR : EINVAL);
}

Result<size_t> File::Write(GuestIo&) { return Fail(EINVAL); }

Result<size_t> File::ReadAt(GuestIo&, int64_t) {
  Inode* opened = inode();
  return Fail(opened != nullptr && opened->type() == S_IFDIR ? EISDIR : ESPIPE);
}

Result<size_t> File::WriteAt(GuestIo&, int64_t) { return Fail(ESPIPE); }

Result<int64_t> File::Seek(int64_t, int) { return Fail(ESPIPE); }

Ready File::Readiness() { return Ready::kReadable | Ready::kWritable; }

Result<Attributes> File::GetAttributes() {
  Inode* opened = inode();
  return opened == nullptr ? Attributes() : opened->GetAttributes();
}

Result<void> File::Truncate(uint64_t) { return Fail(EINVAL); }

Result<void> File::Allocate(int, int64_t, int64_t) {
  Inode* opened = inode();
  switch (opened == nullptr ? 0 : opened->type()) {
    case S_IFIFO:
      return Fail(ESPIPE);
    case S_IFREG:
      return Fail(EOPNOTSUPP);
    default:
      return Fail(ENODEV);
  }
}

Result<void> File::Synchronize(Sync) {
  Inode* opened = inode();
  uint32_t type = opened == nullptr ? 0 : opened->type();
  return type == S_IFREG || type == S_IFDIR ? Result<void>() : Fail(EINVAL);
}

Result<int64_t> File::Ioctl(Task&, uint32_t, GuestAddr) { return Fail(ENOTTY); }

Result<void> File::ReadDirectory(DirectorySink&) { return Fail(ENOTDIR); }

Result<RefPtr<Mappable>> File::GetMappable() { return Fail(ENODEV); }

Result<int64_t> File::Control(Task&, int command, uint64_t) {
  return Fail(command == F_GETPIPE_SZ || command == F_SETPIPE_SZ ? EBADF : EINVAL);
}

Result<size_t> File::Peek(GuestIo&) { return Fail(EINVAL); }

Result<size_t> SeekableFile::Read(GuestIo& io) {
  auto position = position_.Lock();
  size_t done = TRY(ReadAt(io, *position));
  *position += static_cast<int64_t>(done);
  return done;
}

Result<size_t> SeekableFile::Write(GuestIo& io) {
  auto position = position_.Lock();
  if (append()) {
    TRY(ApplyFileSizeLimit(*this, io, kAppend));
    size_t done = TRY(WriteAt(io, kAppend));
    *position = TRY(AppendedEnd());
    return done;
  }
  TRY(ApplyFileSizeLimit(*this, io, *position));
  size_t done = TRY(WriteAt(io, *position));
  *position += static_cast<int64_t>(done);
  return done;
}

Result<int64_t> SeekableFile::AppendedEnd() {
  return static_cast<int64_t>(TRY(GetAttributes()).size);
}

Result<int64_t> SeekableFile::Seek(int64_t offset, int whence) {
  auto position = position_.Lock();
  int64_t target = 0;
  switch (whence) {
    case SEEK_SET:
      target = offset;
      break;
    case SEEK_CUR:
      if (__builtin_add_overflow(position->load(), offset, &target)) {
        return Fail(EINVAL);
      }
      break;
    case SEEK_END: {
      auto size = static_cast<int64_t>(TRY(GetAttributes()).size);
      if (__builtin_add_overflow(size, offset, &target)) {
        return Fail(EINVAL);
      }
      break;
    }
    case SEEK_DATA:
    case SEEK_HOLE: {
      // Without knowledge of holes a file is all data, with a hole at its end.
      auto size = static_cast<int64_t>(TRY(GetAttributes()).size);
      if (offset < 0 || offset >= size) {
        return Fail(ENXIO);
      }
      target = whence == SEEK_DATA ? offset : size;
      break;
    }
    default:
      return Fail(EINVAL);
  }
  if (target < 0) {
    return Fail(EINVAL);
  }
  *position = target;
  return target;
}

}  // namespace ukrun
