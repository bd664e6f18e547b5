// /proc/PID, /proc/PID/task/TID, and the directory of threads between them.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"
#include "sentry/fs/proc/process_target.h"

namespace ukrun {

RefPtr<PseudoInode> MakeTaskDirectory(ProcFileSystem& file_system, const ProcessTarget& target);

// --- For the task table.
RefPtr<PseudoInode> MakeThreadList(ProcFileSystem& file_system, const ProcessTarget& target,
                                   uint64_t number);
RefPtr<PseudoInode> MakeNetDirectory(ProcFileSystem& file_system, const ProcessTarget& target,
                                     uint64_t number);

// The text of the link that leads to `path`, as `reader` sees it.
std::string LinkText(Task& reader, const Path& path);

}  // namespace ukrun
