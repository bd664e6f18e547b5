#include "sentry/vfs/size_limit.h"

#include "base/thread.h"
#include "sentry/mm/guest_io.h"
#include "sentry/signal/signals.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/file.h"

namespace ukrun {

Result<void> ApplyFileSizeLimit(File& file, GuestIo& io, int64_t offset) {
  // Service threads write without a task, and so without limits.
  if (CurrentThread().task == nullptr || io.size() == 0) {
    return Ok();
  }
  Task& task = CurrentTask();
  uint64_t limit = task.thread_group().GetLimit(kRlimitFsize).soft;
  uint64_t most = limit < INT64_MAX ? limit : INT64_MAX;
  bool could_pass =
      offset == SeekableFile::kAppend || static_cast<uint64_t>(offset) + io.size() > most;
  Inode* inode = file.inode();
  if (!could_pass || limit == UINT64_MAX || inode == nullptr || inode->type() != S_IFREG) {
    return Ok();
  }
  uint64_t start = offset == SeekableFile::kAppend ? TRY(file.GetAttributes()).size
                                                   : static_cast<uint64_t>(offset);
  if (start >= most) {
    static_cast<void>(SendSignal(task, UserSignal(task, abi::kSigXfsz)));
    return Fail(EFBIG);
  }
  if (most - start < io.size()) {
    io.Truncate(most - start);
  }
  return Ok();
}

Result<void> CheckFileSizeLimit(Task& task, uint64_t current_size, uint64_t size) {
  if (size > current_size && size > task.thread_group().GetLimit(kRlimitFsize).soft) {
    static_cast<void>(SendSignal(task, UserSignal(task, abi::kSigXfsz)));
    return Fail(EFBIG);
  }
  return Ok();
}

}  // namespace ukrun
