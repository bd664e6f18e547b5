// The directory /proc: entries of the system table, "self", "thread-self", and one
// directory for each process.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"

namespace ukrun {

// Without the system's entries.
RefPtr<PseudoDirectory> MakeProcRoot(ProcFileSystem& file_system);

// A process or thread id as a name; -1 when it is none. Leading zeros are not accepted.
int32_t ParseId(std::string_view name);

}  // namespace ukrun
