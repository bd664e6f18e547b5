// The files of /proc that are not about one process: one row for each.
#pragma once

#include "sentry/fs/proc/proc_file_system.h"

namespace ukrun {

void AddSystemEntries(ProcFileSystem& file_system, PseudoDirectory& root);
// What /proc/net (which is /proc/self/net) holds.
void AddNetEntries(ProcFileSystem& file_system, PseudoDirectory& net);

}  // namespace ukrun
