// The inode behind files that have none of their own: eventfd, epoll, pidfd, signalfd,
// timerfd (Linux's anon_inodefs). fstat shows mode 0600 and no type.
#pragma once

#include "base/ref_ptr.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

// `mode` has the type bits that fstat shows: S_IFIFO | 0600 for pipes, S_IFSOCK | 0777 for
// sockets, 0600 for the rest. Each call makes a new inode number.
RefPtr<Inode> NewAnonymousInode(uint32_t mode = 0600, uint32_t uid = 0, uint32_t gid = 0);

}  // namespace ukrun
