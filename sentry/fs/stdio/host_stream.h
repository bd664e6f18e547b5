// The standard streams that the user gave the sandbox: files over host descriptors 0 to 2
// (pipes, sockets, files, /dev/null; terminals are sentry/fs/devpts's business).
//
// The host descriptor may be shared with other programs, so it is never made nonblocking:
// a stream is read or written only when poll(2) says that this will not block.
#pragma once

#include "base/host_fd.h"
#include "sentry/vfs/file.h"

namespace ukrun {

// `fd` stays open for the life of the sandbox.
Result<RefPtr<File>> OpenHostStream(int fd);

}  // namespace ukrun
