// Moves the host's vDSO into the kernel window.
//
// The vDSO is code of the host kernel that reads clocks without a system call, with data
// pages ([vvar]) at fixed distances before it. Outside the window a guest could unmap it
// and put its own code in its place; inside, both the Sentry and guests use one copy that
// neither can change.
#pragma once

#include "ukrun/startup.h"

namespace ukrun::boot {

// Fills the vdso_ fields of `info`: all 0 when the host has none or keeps it in place
// (kernels that seal their system mappings do). `proc_self` is a descriptor of /proc/self.
// Nothing that calls the vDSO (clock_gettime of the C library) may run afterwards.
void MoveVdso(int proc_self, startup::BootInfo& info);

}  // namespace ukrun::boot
