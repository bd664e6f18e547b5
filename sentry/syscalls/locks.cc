#include "sentry/syscalls/locks.h"

#include <fcntl.h>
#include <sys/file.h>

#include "abi/file.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/attachments.h"

namespace ukrun {
namespace {

// LOCK_MAND of flock(2): mandatory locks are gone since Linux 5.15, which says yes to every
// operation that has this bit and does nothing.
constexpr uint32_t kMandatory = 32;

Result<FileLocks*> LocksOf(const File& file) {
  Inode* inode = file.inode();
  if (inode == nullptr) {
    return Fail(EINVAL);
  }
  return &inode->attachments().locks();
}

Result<LockType> DecodeType(int16_t type) {
  switch (type) {
    case F_RDLCK:
      return LockType::kShared;
    case F_WRLCK:
      return LockType::kExclusive;
    case F_UNLCK:
      return LockType::kUnlock;
    default:
      return Fail(EINVAL);
  }
}

// The range that struct flock describes, as flock_to_posix_lock().
Result<void> DecodeRange(File& file, const abi::Flock& from, RangeLock* to) {
  int64_t base = 0;
  switch (from.whence) {
    case SEEK_SET:
      break;
    case SEEK_CUR:
      base = file.position();  // 0 of what has no positions: pipes can be locked too
      break;
    case SEEK_END:
      base = static_cast<int64_t>(TRY(file.GetAttributes()).size);
      break;
    default:
      return Fail(EINVAL);
  }
  int64_t first = 0;
  if (__builtin_add_overflow(base, from.start, &first)) {
    return Fail(EOVERFLOW);
  }
  int64_t last = INT64_MAX;
  if (from.length > 0 && __builtin_add_overflow(first, from.length - 1, &last)) {
    return Fail(EOVERFLOW);
  }
  // A negative length means the bytes before the start.
  if (from.length < 0) {
    last = first - 1;
    if (__builtin_add_overflow(first, from.length, &first)) {
      return Fail(EINVAL);
    }
  }
  if (first < 0) {
    return Fail(EINVAL);
  }
  to->first = first;
  to->last = last;
  return Ok();
}

bool IsOpenFileCommand(int32_t command) {
  return command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

Result<void> StoreConflict(Task& task, FileLocks& locks, const RangeLock& wanted, abi::Flock raw,
                           GuestAddr argument) {
  std::optional<RangeLock> conflict = locks.FindConflict(wanted);
  if (!conflict.has_value()) {
    raw.type = F_UNLCK;
  } else {
    raw.type = conflict->type == LockType::kExclusive ? F_WRLCK : F_RDLCK;
    raw.whence = SEEK_SET;
    raw.start = conflict->first;
    raw.length = conflict->last == INT64_MAX ? 0 : conflict->last - conflict->first + 1;
    raw.pid = conflict->pid;
  }
  return UserOut<abi::Flock>{argument}.Store(task.memory(), raw);
}

}  // namespace

Result<void> Flock(Task& task, Fd fd, uint32_t operation) {
  if ((operation & kMandatory) != 0) {
    return Ok();
  }
  LockType type = LockType::kUnlock;
  switch (operation & ~uint32_t{LOCK_NB}) {
    case LOCK_SH:
      type = LockType::kShared;
      break;
    case LOCK_EX:
      type = LockType::kExclusive;
      break;
    case LOCK_UN:
      break;
    default:
      return Fail(EINVAL);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (type != LockType::kUnlock && !file->readable() && !file->writable()) {
    return Fail(EBADF);
  }
  FileLocks* locks = TRY(LocksOf(*file));
  return locks->Flock(task, *file, type,
                      (operation & LOCK_NB) != 0 ? LockWait::kNo : LockWait::kYes);
}

bool IsLockCommand(int32_t command) {
  return command == F_GETLK || command == F_SETLK || command == F_SETLKW ||
         IsOpenFileCommand(command);
}

Result<int64_t> LockCommand(Task& task, Fd fd, File& file, int32_t command, GuestAddr argument) {
  auto raw = TRY(UserIn<abi::Flock>{argument}.Load(task.memory()));
  FileLocks* locks = TRY(LocksOf(file));
  RangeLock wanted;
  wanted.type = TRY(DecodeType(raw.type));
  TRY(DecodeRange(file, raw, &wanted));
  if (IsOpenFileCommand(command)) {
    if (raw.pid != 0) {
      return Fail(EINVAL);
    }
    wanted.flavour = RangeFlavour::kOpenFile;
    wanted.owner = &file;
  } else {
    wanted.owner = &task.fds();
    wanted.pid = task.thread_group().pid();
  }
  if (command == F_GETLK || command == F_OFD_GETLK) {
    if (wanted.type == LockType::kUnlock && command == F_GETLK) {
      return Fail(EINVAL);
    }
    TRY(StoreConflict(task, *locks, wanted, raw, argument));
    return 0;
  }
  if ((wanted.type == LockType::kShared && !file.readable()) ||
      (wanted.type == LockType::kExclusive && !file.writable())) {
    return Fail(EBADF);
  }
  bool waits = command == F_SETLKW || command == F_OFD_SETLKW;
  TRY(locks->SetRange(task, wanted, waits ? LockWait::kYes : LockWait::kNo));
  // A thread that closed the descriptor meanwhile has released locks that were not there
  // yet; nothing else would ever release this one.
  Result<RefPtr<File>> now = task.fds().Get(fd);
  if (wanted.type != LockType::kUnlock && wanted.flavour == RangeFlavour::kPosix &&
      (!now.ok() || now->get() != &file)) {
    wanted.type = LockType::kUnlock;
    static_cast<void>(locks->SetRange(task, wanted, LockWait::kNo));
    return Fail(EBADF);
  }
  return 0;
}

}  // namespace ukrun
