// A service thread that waits for host descriptors on behalf of file objects.
//
// Used for the few descriptors that the outside world writes to: standard streams, the
// terminal. Thread-safe.
#pragma once

#include "base/wait_queue.h"

namespace ukrun {

// Once `fd` shows one of `events` (POLLIN, POLLOUT; hang-ups and errors always), notifies
// `queue`, and forgets about it. `queue` must live for ever.
void WatchHostFd(int fd, Ready events, WaitQueue& queue);

}  // namespace ukrun
