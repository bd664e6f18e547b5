// Ancillary data of sendmsg(2) and recvmsg(2): SCM_RIGHTS and SCM_CREDENTIALS (cmsg(3)).
#pragma once

#include "sentry/net/socket.h"
#include "sentry/task/task.h"

namespace ukrun {

// Errors: EINVAL, EBADF, EPERM, ESRCH, ENOBUFS, ETOOMANYREFS, EFAULT.
Result<void> LoadAncillary(Task& task, GuestAddr control, uint64_t size, OutgoingMessage& message);

// Stores what fits and installs the descriptors; the other files are released. Returns how
// much of the buffer was used, and adds MSG_CTRUNC to message.flags when something did not fit.
uint64_t StoreAncillary(Task& task, GuestAddr control, uint64_t size, CloseOnExec cloexec,
                        IncomingMessage& message);

}  // namespace ukrun
