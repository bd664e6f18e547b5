// Landlock: the host kernel's own promise that a process opens no file.
#pragma once

namespace ukrun::boot {

// Takes away every right to reach a file by its path, for this process and all that it
// starts. Descriptors that are open, or that the gofer hands over later, go on working.
// Does nothing where the host has no Landlock; `ukrun doctor` reports that.
void ForbidPaths();

}  // namespace ukrun::boot
