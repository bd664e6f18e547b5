// From a system call stop to the handler, and back to registers.
#pragma once

namespace ukrun {

class Task;

// Answers the call in the task's registers. Returns the restart code (kErestart...) when a
// signal interrupted it, whose outcome is then up to DeliverSignals; else 0.
int DispatchSyscall(Task& task);

}  // namespace ukrun
