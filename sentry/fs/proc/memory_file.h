// /proc/PID/mem: the memory of a process as a file, for debuggers and for processes that
// look at themselves.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"
#include "sentry/fs/proc/process_target.h"

namespace ukrun {

RefPtr<PseudoInode> MakeMemoryFile(ProcFileSystem& file_system, const ProcessTarget& target,
                                   uint64_t number);

// Reads memory of a process that need not be the reader's: up to `size` bytes, short where
// there is no memory. Errors: EIO when there is none at all; EIO in the kernel's window.
Result<std::string> ReadProcessMemory(Task& reader, const TaskResources& target, uint64_t address,
                                      size_t size);

}  // namespace ukrun
