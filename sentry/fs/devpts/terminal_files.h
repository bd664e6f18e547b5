// The file objects of terminals, and how they are opened: /dev/ptmx, /dev/pts/N, /dev/tty
// and /dev/console.
#pragma once

#include "sentry/fs/devpts/terminal.h"

namespace ukrun {

// Makes the device nodes work. Called once, at start.
void RegisterTerminalDevices();

// A slave as open(2) gives it. Errors: EIO, EBUSY.
Result<RefPtr<File>> OpenSlave(Task& task, Terminal& terminal, const Path& path,
                               const OpenOptions& options);

// The terminal that /dev/console is; null for none (then opening it fails). Set at start.
void SetConsole(RefPtr<Terminal> terminal);

}  // namespace ukrun
