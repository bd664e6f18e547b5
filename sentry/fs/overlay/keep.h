// ukrun --keep: saves what the sandbox has changed in a folder of the host.
//
// New and changed files are written at their paths, with modes, times, symbolic and hard
// links and user.* attributes. Deleted paths stand in a file ".ukrun-deleted", one a line,
// with "\n" for a newline and "\\" for a backslash in a name. Whoever applies the result to
// the tree below deletes first and copies then.
#pragma once

#include "gofer/client.h"
#include "sentry/fs/overlay/changes.h"

namespace ukrun {

struct KeepReport {
  uint64_t files = 0;    // entries written, and deletions listed
  uint64_t skipped = 0;  // sockets, devices, and what the host refuses
};

// Requires: nothing changes the files any more. Files that are in the folder already are
// replaced. Errors: those of the gofer (ENOENT: no such attach point; ENOSPC; EIO).
Result<KeepReport> KeepChanges(const LayerChanges& changes, GoferClient& client, uint32_t attach);

}  // namespace ukrun
