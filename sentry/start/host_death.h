// What becomes of the sandbox when the host process of a guest dies that the Sentry has not
// ended. Killed by somebody outside: the sandbox ends, since it is not whole any more. Taken by
// the host for want of memory: a SIGKILL for that guest, as if Linux had run out of memory.
#pragma once

namespace ukrun {

// `events_fd` counts the host's out-of-memory kills among the sandbox's processes (a control
// group's memory.events or memory.oom_control); -1 where there is nothing to tell them by.
void HostDeathInitialize(int events_fd);

// One host process has died. Returns if memory explains it. Locks nothing.
// Thread rule: callers take turns.
void JudgeHostDeath();

// SIGKILL to the guest processes that have their memory in this host process.
void EndGuestIn(int host_pid);

}  // namespace ukrun
