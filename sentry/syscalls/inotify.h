// inotify(7).
#pragma once

#include "sentry/syscalls/row.h"

namespace ukrun {

Result<Fd> InotifyInit(Task& task);
Result<Fd> InotifyInit1(Task& task, uint32_t flags);
Result<int32_t> InotifyAddWatch(Task& task, Fd fd, UserString path, uint32_t mask);
Result<void> InotifyRmWatch(Task& task, Fd fd, int32_t descriptor);

}  // namespace ukrun
