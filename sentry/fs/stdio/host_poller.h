// A service thread that waits for host descriptors on behalf of file objects.
//
// Used for the few descriptors that the outside world writes to: standard streams, the
// terminal. Thread-safe.
#pragma once

#include "base/wait_queue.h"

namespace ukrun {

// Starts the thread. Before the system call filter is installed, which has no room for the
// descriptor that wakes it.
void StartHostPoller();

// Once `fd` shows one of `events` (POLLIN, POLLOUT; hang-ups and errors always), notifies
// `queue`, and forgets about it. `queue` must live for ever.
void WatchHostFd(int fd, Ready events, WaitQueue& queue);

}  // namespace ukrun
