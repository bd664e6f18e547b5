// /proc/PID/fd and /proc/PID/fdinfo.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"
#include "sentry/fs/proc/process_target.h"

namespace ukrun {

RefPtr<PseudoInode> MakeDescriptorDirectory(ProcFileSystem& file_system,
                                            const ProcessTarget& target, uint64_t number);
RefPtr<PseudoInode> MakeDescriptorInfoDirectory(ProcFileSystem& file_system,
                                                const ProcessTarget& target, uint64_t number);

}  // namespace ukrun
