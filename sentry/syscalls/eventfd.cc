#include "sentry/syscalls/eventfd.h"

#include <sys/eventfd.h>

#include "sentry/fs/eventfd/eventfd.h"

namespace ukrun {

Result<Fd> Eventfd(Task& task, uint32_t initial) { return Eventfd2(task, initial, 0); }

Result<Fd> Eventfd2(Task& task, uint32_t initial, uint32_t flags) {
  if ((flags & ~uint32_t{EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC}) != 0) {
    return Fail(EINVAL);
  }
  auto mode = (flags & EFD_SEMAPHORE) != 0 ? EventFd::Mode::kSemaphore : EventFd::Mode::kCounter;
  auto cloexec = (flags & EFD_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
  return task.InstallFile(EventFd::Create(initial, mode, flags & uint32_t{EFD_NONBLOCK}), cloexec);
}

}  // namespace ukrun
