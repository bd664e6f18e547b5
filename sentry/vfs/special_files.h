// How the VFS opens what is not stored in a file system: named pipes (implemented by
// sentry/fs/pipe). Devices: device_registry.h. Unix sockets cannot be opened (ENXIO).
#pragma once

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class Task;

// fifo(7): waits for the other end unless options.status_flags has O_NONBLOCK. The pipe
// itself hangs on the inode (Inode::Attachments::Slot::kNamedPipe). Permissions have been
// checked. Errors: ENXIO (writing without a reader, O_NONBLOCK), kErestartsys.
Result<RefPtr<File>> OpenNamedPipe(Task& task, const Path& path, Inode& inode,
                                   const OpenOptions& options);

}  // namespace ukrun
