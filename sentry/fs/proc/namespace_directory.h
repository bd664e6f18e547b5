// /proc/PID/ns: links that name the namespaces of a process. There is one of each kind in a
// sandbox, with the numbers that Linux gives to its first ones.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"
#include "sentry/fs/proc/process_target.h"

namespace ukrun {

RefPtr<PseudoFileSystem> MakeNamespaceFileSystem();

RefPtr<PseudoInode> MakeNamespaceDirectory(ProcFileSystem& file_system, const ProcessTarget& target,
                                           uint64_t number);

}  // namespace ukrun
