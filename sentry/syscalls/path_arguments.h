// What the handlers of the file families have in common: a path argument with its starting
// descriptor and AT_* flags.
#pragma once

#include "sentry/syscalls/row.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {

// The object that (start, path) names under flags out of AT_EMPTY_PATH,
// AT_SYMLINK_NOFOLLOW and AT_SYMLINK_FOLLOW; others must have been refused.
Result<Path> FindPath(Task& task, Fd start, UserString path, uint32_t flags,
                      FollowLast follow = FollowLast::kYes);
// The path of an open file, for calls that change the object behind it.
// Errors: EINVAL when it has none.
Result<Path> PathOfFile(const File& file);
// Of a descriptor. Errors: EBADF (also for O_PATH).
Result<Path> PathOfFd(Task& task, Fd fd);

}  // namespace ukrun
