// Open pipes: what pipe2(2) and opening a fifo make.
#pragma once

#include "sentry/fs/pipe/pipe.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class Task;

struct PipePair {
  RefPtr<File> read_end;
  RefPtr<File> write_end;
};

// `status_flags`: O_NONBLOCK and O_DIRECT (packets), for both ends.
PipePair CreatePipe(Task& task, uint32_t status_flags);

}  // namespace ukrun
