#include "sentry/syscalls/descriptors.h"

#include <fcntl.h>

#include "abi/file.h"
#include "sentry/kernel.h"
#include "sentry/syscalls/locks.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/permissions.h"

namespace ukrun {
namespace {

constexpr uint32_t kChangeableFlags = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | O_ASYNC;

// ioctl(2) requests that every descriptor knows (asm-generic/ioctls.h, linux/fs.h).
constexpr uint32_t kFionread = 0x541b, kFionbio = 0x5421, kFionclex = 0x5450, kFioclex = 0x5451,
                   kFioasync = 0x5452, kFigetbsz = 2;

uint64_t DescriptorLimit(Task& task) { return task.thread_group().GetLimit(kRlimitNofile).soft; }

CloseOnExec ToCloseOnExec(bool value) { return value ? CloseOnExec::kYes : CloseOnExec::kNo; }

// F_GETFL: the access mode, and the flags that open(2) keeps.
uint32_t AllFlags(const File& file) {
  uint32_t mode = O_ACCMODE;
  if (file.path_only() || (file.readable() && !file.writable())) {
    mode = O_RDONLY;
  } else if (file.readable()) {
    mode = O_RDWR;
  } else if (file.writable()) {
    mode = O_WRONLY;
  }
  return file.status_flags() | mode;
}

Result<void> SetFlags(Task& task, File& file, uint32_t flags) {
  uint32_t old = file.status_flags();
  if ((flags & ~old & O_NOATIME) != 0) {
    Attributes attributes = TRY(file.GetAttributes());
    if (!IsOwner(task.credentials(), attributes)) {
      return Fail(EPERM);
    }
  }
  Inode* inode = file.inode();
  bool direct = file.is_pipe() || (inode != nullptr && inode->type() == S_IFREG);
  if ((flags & ~old & O_DIRECT) != 0 && !direct) {
    return Fail(EINVAL);
  }
  file.set_status_flags((old & ~kChangeableFlags) | (flags & kChangeableFlags));
  return Ok();
}

void SetFlag(File& file, uint32_t flag, bool value) {
  uint32_t flags = file.status_flags();
  file.set_status_flags(value ? flags | flag : flags & ~flag);
}

// Who gets SIGIO. Positive: a process or thread; negative: a group; 0: nobody.
// Errors: ESRCH.
Result<void> SetOwner(File& file, int32_t owner) {
  TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  bool exists = owner == 0 || (owner > 0 ? tree.FindTaskLocked(owner) != nullptr
                                         : tree.FindProcessGroupLocked(-owner) != nullptr);
  if (!exists) {
    return Fail(ESRCH);
  }
  file.signal_owner.store(owner);
  return Ok();
}

Result<int64_t> OwnerCommand(Task& task, File& file, int32_t command, uint64_t argument) {
  switch (command) {
    case F_GETOWN:
      return file.signal_owner.load();
    case F_SETOWN: {
      auto owner = static_cast<int32_t>(argument);
      if (owner == INT32_MIN) {
        return Fail(EINVAL);
      }
      TRY(SetOwner(file, owner));
      return 0;
    }
    case F_GETOWN_EX: {
      int32_t owner = file.signal_owner.load();
      abi::FileOwner out{owner < 0 ? F_OWNER_PGRP : F_OWNER_PID, owner < 0 ? -owner : owner};
      TRY(UserOut<abi::FileOwner>{GuestAddr(argument)}.Store(task.memory(), out));
      return 0;
    }
    case F_SETOWN_EX: {
      auto in = TRY(UserIn<abi::FileOwner>{GuestAddr(argument)}.Load(task.memory()));
      if (in.type < F_OWNER_TID || in.type > F_OWNER_PGRP || in.pid < 0) {
        return Fail(EINVAL);
      }
      TRY(SetOwner(file, in.type == F_OWNER_PGRP ? -in.pid : in.pid));
      return 0;
    }
    case F_GETSIG:
      return file.signal_number.load();
    default:  // F_SETSIG
      if (argument > static_cast<uint64_t>(abi::kSignalCount)) {
        return Fail(EINVAL);
      }
      file.signal_number.store(static_cast<int32_t>(argument));
      return 0;
  }
}

Result<int64_t> Duplicate(Task& task, RefPtr<File> file, uint64_t lowest, CloseOnExec cloexec) {
  uint64_t limit = DescriptorLimit(task);
  if (lowest >= limit) {
    return Fail(EINVAL);
  }
  Fd fd = TRY(task.fds().Install(std::move(file), cloexec, static_cast<int32_t>(lowest), limit));
  return fd.value;
}

bool WorksOnPathOnly(int32_t command) {
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
         command == F_SETFD || command == F_GETFL;
}

}  // namespace

Result<Fd> Dup(Task& task, Fd fd) {
  return task.InstallFile(TRY(task.GetFileOrPath(fd)), CloseOnExec::kNo);
}

Result<Fd> Dup2(Task& task, Fd old_fd, Fd new_fd) {
  RefPtr<File> file = TRY(task.GetFileOrPath(old_fd));
  if (old_fd.value != new_fd.value) {
    TRY(task.fds().InstallAt(task, new_fd, std::move(file), CloseOnExec::kNo,
                             DescriptorLimit(task)));
  }
  return new_fd;
}

Result<Fd> Dup3(Task& task, Fd old_fd, Fd new_fd, uint32_t flags) {
  if ((flags & ~uint32_t{O_CLOEXEC}) != 0 || old_fd.value == new_fd.value) {
    return Fail(EINVAL);
  }
  uint64_t limit = DescriptorLimit(task);
  if (static_cast<uint32_t>(new_fd.value) >= limit) {
    return Fail(EBADF);
  }
  RefPtr<File> file = TRY(task.GetFileOrPath(old_fd));
  TRY(task.fds().InstallAt(task, new_fd, std::move(file), ToCloseOnExec((flags & O_CLOEXEC) != 0),
                           limit));
  return new_fd;
}

Result<int64_t> Fcntl(Task& task, Fd fd, int32_t command, uint64_t argument) {
  RefPtr<File> file = TRY(task.GetFileOrPath(fd));
  if (file->path_only() && !WorksOnPathOnly(command)) {
    return Fail(EBADF);
  }
  if (IsLockCommand(command)) {
    return LockCommand(task, fd, *file, command, GuestAddr(argument));
  }
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      // As on Linux, the argument is an int.
      return Duplicate(task, std::move(file), static_cast<uint32_t>(argument),
                       ToCloseOnExec(command == F_DUPFD_CLOEXEC));
    case F_GETFD:
      return TRY(task.fds().GetCloseOnExec(fd)) == CloseOnExec::kYes ? FD_CLOEXEC : 0;
    case F_SETFD:
      TRY(task.fds().SetCloseOnExec(fd, ToCloseOnExec((argument & FD_CLOEXEC) != 0)));
      return 0;
    case F_GETFL:
      return AllFlags(*file);
    case F_SETFL:
      TRY(SetFlags(task, *file, static_cast<uint32_t>(argument)));
      return 0;
    case F_GETOWN:
    case F_SETOWN:
    case F_GETOWN_EX:
    case F_SETOWN_EX:
    case F_GETSIG:
    case F_SETSIG:
      return OwnerCommand(task, *file, command, argument);
    case F_GETLEASE:
      return F_UNLCK;
    default:
      return file->Control(task, command, argument);
  }
}

Result<int64_t> Ioctl(Task& task, Fd fd, uint32_t request, GuestAddr argument) {
  RefPtr<File> file = TRY(task.GetFile(fd));
  Inode* inode = file->inode();
  uint32_t type = inode == nullptr ? 0 : inode->type();
  UserIn<int32_t> value{argument};
  UserOut<int32_t> answer{argument};
  switch (request) {
    case kFioclex:
    case kFionclex:
      TRY(task.fds().SetCloseOnExec(fd, ToCloseOnExec(request == kFioclex)));
      return 0;
    case kFionbio:
      SetFlag(*file, O_NONBLOCK, TRY(value.Load(task.memory())) != 0);
      return 0;
    case kFioasync:
      SetFlag(*file, O_ASYNC, TRY(value.Load(task.memory())) != 0);
      return 0;
    case kFionread:
      if (type == S_IFREG) {
        auto size = static_cast<int64_t>(TRY(file->GetAttributes()).size);
        TRY(answer.Store(task.memory(), static_cast<int32_t>(size - file->position())));
        return 0;
      }
      break;
    case kFigetbsz:
      if (inode != nullptr) {
        auto block_size = TRY(file->GetAttributes()).block_size;
        TRY(answer.Store(task.memory(), static_cast<int32_t>(block_size)));
        return 0;
      }
      break;
    default:
      break;
  }
  return file->Ioctl(task, request, argument);
}

}  // namespace ukrun
