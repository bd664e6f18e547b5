// inotify(7): files whose reads tell what happened to other files.
#pragma once

#include "sentry/fs/inotify/inotify_instance.h"
#include "sentry/vfs/file.h"

namespace ukrun {

// `status_flags`: O_NONBLOCK or 0. Errors: EMFILE when the sandbox has too many instances.
Result<RefPtr<File>> CreateInotify(uint32_t status_flags);

// The instance behind a file; null when it is something else.
RefPtr<InotifyInstance> FindInotify(File& file);

}  // namespace ukrun
