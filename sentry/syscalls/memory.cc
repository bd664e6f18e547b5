#include "sentry/syscalls/memory.h"

#include <linux/membarrier.h>
#include <linux/mman.h>

#include "base/window.h"
#include "sentry/fs/tmpfs/anonymous.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/thread_group.h"

namespace ukrun {
namespace {

// Flags that MAP_SHARED_VALIDATE knows, and that plain mappings ignore.
constexpr uint32_t kKnownFlags = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | 0x40 /* MAP_32BIT */ |
                                 MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |
                                 MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
                                 MAP_HUGETLB | MAP_FIXED_NOREPLACE;
constexpr uint32_t kMap32Bit = 0x40;
constexpr int kAllProtections = PROT_READ | PROT_WRITE | PROT_EXEC;

// What a mapping of the file may do, now and after mprotect.
Result<void> UseFile(File& file, uint32_t type, MapOptions& options) {
  bool shared = type != MAP_PRIVATE;
  if (!file.readable()) {
    return Fail(EACCES);
  }
  if (shared && (options.protection & PROT_WRITE) != 0) {
    if (!file.writable()) {
      return Fail(EACCES);
    }
  }
  if (shared && !file.writable()) {
    options.max_protection &= ~PROT_WRITE;
  }
  const RefPtr<Mount>& mount = file.path().mount;
  if (mount && mount->flags().no_exec) {
    if ((options.protection & PROT_EXEC) != 0) {
      return Fail(EPERM);
    }
    options.max_protection &= ~PROT_EXEC;
  }
  options.object = TRY(file.GetMappable());
  if (shared) {
    Result<void> allowed =
        options.object->CheckSharedMapping((options.protection & PROT_WRITE) != 0);
    if (!allowed.ok()) {
      return allowed;
    }
    if ((options.protection & PROT_WRITE) != 0) {
      options.object->MappedForWriting();
    }
    // A write seal also forbids turning the mapping writable later.
    if (!options.object->CheckSharedMapping(true).ok()) {
      options.max_protection &= ~PROT_WRITE;
    }
  }
  options.name = file.path();
  return Ok();
}

// How much of its memory a task may lock.
uint64_t LockLimit(const Task& task) {
  return task.credentials().Has(Capability::kIpcLock)
             ? UINT64_MAX
             : task.thread_group().GetLimit(kRlimitMemlock).soft;
}

}  // namespace

Result<GuestAddr> Mmap(Task& task, GuestAddr address, uint64_t size, int32_t protection,
                       uint32_t flags, Fd fd, uint64_t offset) {
  if ((offset & (kPageSize - 1)) != 0) {
    return Fail(EINVAL);
  }
  // As on Linux, a bad descriptor is noticed before everything else.
  RefPtr<File> file;
  if ((flags & MAP_ANONYMOUS) == 0) {
    file = TRY(task.GetFile(fd));
  }
  if (size == 0) {
    return Fail(EINVAL);
  }
  if (offset + size < offset) {
    return Fail(EOVERFLOW);
  }
  uint32_t type = flags & MAP_TYPE;
  if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) {
    return Fail(EINVAL);
  }
  // Among what is refused is MAP_SYNC: no memory here is persistent.
  if (type == MAP_SHARED_VALIDATE && (flags & ~kKnownFlags) != 0) {
    return Fail(EOPNOTSUPP);
  }
  MapOptions options;
  options.address = address.value();
  options.size = size;
  options.protection = protection & kAllProtections;
  options.shared = type != MAP_PRIVATE;
  options.fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0;
  options.no_replace = (flags & MAP_FIXED_NOREPLACE) != 0;
  options.low_32_bits = (flags & kMap32Bit) != 0;
  options.locked = (flags & MAP_LOCKED) != 0;
  options.offset = offset;
  options.size_limit = task.thread_group().GetLimit(kRlimitAs).soft;
  options.lock_limit = LockLimit(task);
  if (options.locked && options.lock_limit == 0) {
    return Fail(EPERM);
  }
  options.grows_down = (flags & MAP_GROWSDOWN) != 0;
  if (options.grows_down && (options.shared || (flags & MAP_ANONYMOUS) == 0)) {
    return Fail(EINVAL);
  }
  if (file) {
    TRY(UseFile(*file, type, options));
  } else {
    options.offset = 0;
    if (options.shared) {
      if (size > kUserEnd) {
        return Fail(ENOMEM);
      }
      options.object = NewSharedAnonymous(PageCeil(size));
      options.label = "/dev/zero (deleted)";
    }
  }
  return GuestAddr(TRY(task.mm().Map(std::move(options))));
}

Result<void> Munmap(Task& task, GuestAddr address, uint64_t size) {
  return task.mm().Unmap(address.value(), size);
}

Result<void> Mprotect(Task& task, GuestAddr address, uint64_t size, int32_t protection) {
  constexpr int kGrows = PROT_GROWSDOWN | PROT_GROWSUP;
  if ((protection & ~(kAllProtections | PROT_SEM | kGrows)) != 0 ||
      (protection & PROT_GROWSUP) != 0) {
    return Fail(EINVAL);  // no mapping grows up on this machine
  }
  return task.mm().Protect(address.value(), size, protection & (kAllProtections | PROT_GROWSDOWN));
}

// Guests own no keys: only "no key" may be named.
Result<void> PkeyMprotect(Task& task, GuestAddr address, uint64_t size, int32_t protection,
                          int32_t key) {
  if (key != -1) {
    return Fail(EINVAL);
  }
  return Mprotect(task, address, size, protection);
}

Result<GuestAddr> Mremap(Task& task, GuestAddr old_address, uint64_t old_size, uint64_t new_size,
                         uint64_t flags, GuestAddr new_address) {
  return GuestAddr(TRY(task.mm().Remap({
      .old_address = old_address.value(),
      .old_size = old_size,
      .new_size = new_size,
      .flags = flags,
      .new_address = new_address.value(),
      .size_limit = task.thread_group().GetLimit(kRlimitAs).soft,
      .lock_limit = LockLimit(task),
  })));
}

Result<GuestAddr> Brk(Task& task, GuestAddr address) {
  return GuestAddr(task.mm().Break(address.value(), task.thread_group().GetLimit(kRlimitData).soft,
                                   task.thread_group().GetLimit(kRlimitAs).soft));
}

Result<void> Madvise(Task& task, GuestAddr address, uint64_t size, int32_t advice) {
  return task.mm().Advise(address.value(), size, advice);
}

Result<void> Msync(Task& task, GuestAddr address, uint64_t size, int32_t flags) {
  constexpr int32_t kBoth = MS_ASYNC | MS_SYNC;
  if ((flags & ~(kBoth | MS_INVALIDATE)) != 0 || (flags & kBoth) == kBoth ||
      (address.value() & (kPageSize - 1)) != 0) {
    return Fail(EINVAL);
  }
  return task.mm().Synchronize(address.value(), size, (flags & MS_INVALIDATE) != 0);
}

Result<void> Mincore(Task& task, GuestAddr address, uint64_t size, GuestAddr vector) {
  if ((address.value() & (kPageSize - 1)) != 0) {
    return Fail(EINVAL);
  }
  TRY(task.mm().CheckMapped(address.value(), size));
  Result<void> answered = task.mm().space().Resident(address, PageCeil(size), vector);
  if (!answered.Is(ENOMEM)) {
    return answered;
  }
  // Pages beyond the end of a mapped object are not mapped on the host: nothing is there.
  return task.memory().Zero(vector, PageCeil(size) / kPageSize);
}

Result<void> Mlock(Task& task, GuestAddr address, uint64_t size) {
  return Mlock2(task, address, size, 0);
}

Result<void> Mlock2(Task& task, GuestAddr address, uint64_t size, uint32_t flags) {
  if ((flags & ~uint32_t{MLOCK_ONFAULT}) != 0) {
    return Fail(EINVAL);
  }
  auto lock = flags != 0 ? MemoryManager::Lock::kOnFault : MemoryManager::Lock::kYes;
  return task.mm().SetLocked(address.value(), size, lock, LockLimit(task));
}

Result<void> Munlock(Task& task, GuestAddr address, uint64_t size) {
  return task.mm().SetLocked(address.value(), size, MemoryManager::Lock::kNo, UINT64_MAX);
}

Result<void> Mlockall(Task& task, uint32_t flags) {
  if (flags == 0 || (flags & ~uint32_t{MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT}) != 0 ||
      flags == MCL_ONFAULT) {
    return Fail(EINVAL);
  }
  uint64_t limit = LockLimit(task);
  if (limit == 0) {
    return Fail(EPERM);
  }
  if ((flags & MCL_CURRENT) != 0 && task.mm().GetSizes().total > limit) {
    return Fail(ENOMEM);
  }
  task.mm().SetAllLocked((flags & MCL_CURRENT) != 0, (flags & MCL_FUTURE) != 0);
  return Ok();
}

Result<void> Munlockall(Task& task) {
  task.mm().SetAllLocked(false, false);
  return Ok();
}

// membarrier(2). The host's own serves: guest threads are host threads of one process.
Result<int64_t> Membarrier(Task& task, int32_t command, uint32_t flags, int32_t) {
  if (flags != 0) {
    return Fail(EINVAL);
  }
  switch (command) {
    case MEMBARRIER_CMD_QUERY:
      return int64_t{MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
                     MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                     MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED};
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
      task.mm().membarrier_registered.fetch_or(static_cast<uint32_t>(command));
      return int64_t{0};
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
      if ((task.mm().membarrier_registered.load() & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) ==
          0) {
        return Fail(EPERM);
      }
      break;
    case MEMBARRIER_CMD_GLOBAL:
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
      break;
    default:
      return Fail(EINVAL);
  }
  TRY(task.mm().space().Barrier());
  return int64_t{0};
}

}  // namespace ukrun
