#include "sentry/syscalls/pipe.h"

#include <fcntl.h>

#include <bit>

#include "sentry/fs/pipe/pipe_file.h"

namespace ukrun {

Result<void> PipeCall(Task& task, UserOut<uint64_t> fds) { return Pipe2(task, fds, 0); }

Result<void> Pipe2(Task& task, UserOut<uint64_t> fds, uint32_t flags) {
  if ((flags & ~uint32_t{O_CLOEXEC | O_NONBLOCK | O_DIRECT}) != 0) {
    return Fail(EINVAL);
  }
  PipePair pair = CreatePipe(task, flags & (O_NONBLOCK | O_DIRECT));
  CloseOnExec cloexec = (flags & O_CLOEXEC) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo;
  Fd read_end = TRY(task.InstallFile(std::move(pair.read_end), cloexec));
  Result<Fd> write_end = task.InstallFile(std::move(pair.write_end), cloexec);
  if (!write_end.ok()) {
    static_cast<void>(task.fds().Close(task, read_end));
    return write_end.failure();
  }
  // int fds[2], stored at once.
  auto both = std::bit_cast<uint64_t>(std::array<int32_t, 2>{read_end.value, write_end->value});
  Result<void> stored = fds.Store(task.memory(), both);
  if (!stored.ok()) {
    static_cast<void>(task.fds().Close(task, read_end));
    static_cast<void>(task.fds().Close(task, *write_end));
  }
  return stored;
}

}  // namespace ukrun
