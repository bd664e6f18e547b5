#include "sentry/syscalls/signalfd.h"

#include <sys/signalfd.h>

#include "sentry/fs/signalfd/signalfd.h"

namespace ukrun {

Result<Fd> Signalfd(Task& task, Fd fd, UserIn<uint64_t> mask, uint64_t mask_size) {
  return Signalfd4(task, fd, mask, mask_size, 0);
}

Result<Fd> Signalfd4(Task& task, Fd fd, UserIn<uint64_t> mask, uint64_t mask_size, uint32_t flags) {
  if (mask_size != sizeof(abi::SignalSet)) {
    return Fail(EINVAL);
  }
  abi::SignalSet set = TRY(mask.Load(task.memory()));
  if ((flags & ~uint32_t{SFD_CLOEXEC | SFD_NONBLOCK}) != 0) {
    return Fail(EINVAL);
  }
  set &= ~(abi::SignalBit(abi::kSigKill) | abi::SignalBit(abi::kSigStop));
  if (fd.value == -1) {
    return task.InstallFile(SignalFd::Create(set, flags & uint32_t{SFD_NONBLOCK}),
                            (flags & SFD_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo);
  }
  RefPtr<File> file = TRY(task.GetFile(fd));
  if (file->kind() != &SignalFd::kKind) {
    return Fail(EINVAL);
  }
  static_cast<SignalFd&>(*file).SetMask(set);
  return fd;
}

}  // namespace ukrun
