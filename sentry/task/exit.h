// How tasks and processes end, and how parents learn of it (exit(2), wait(2)).
#pragma once

#include "base/result.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

// Every task of the group is to end with `wait_status` (as in wait(2): N << 8 for exit(N),
// the signal number for a killing signal, 0x80 more for a core dump). The first caller's
// status counts. Takes the tree's lock.
void BeginGroupExit(ThreadGroup& group, int wait_status);
void BeginGroupExitLocked(ThreadGroup& group, int wait_status);

// Ends the other tasks of the group, for execve; returns when they are gone. False when
// the caller is itself to end (another exec or an exit came first).
bool EndOtherTasks(Task& task);

// The task leaves its address space, for good or for another program's: robust futexes are
// released, and CLONE_CHILD_CLEARTID's word is cleared if somebody is there to see it.
void LeaveMemory(Task& task);

// Called on the task's kernel thread, last: gives everything back and tells the parent.
void ExitTask(Task& task);

// Removes a zombie from the tree and adds its usage to its parent's. Requires the lock;
// what is released is kept alive in `keep` until the caller has unlocked.
struct ReapedGroup {
  RefPtr<ThreadGroup> group;
  RefPtr<Task> leader;
  RefPtr<ProcessGroup> process_group;
};
ReapedGroup ReapLocked(ThreadGroup& group);

// CPU time and the like of a live or ended group. Requires the tree's lock.
// Adds what the host counted of an address space that the group has left.
void AddHostUsage(ThreadGroup& group, const HostUsage& usage);
ResourceUsage UsageLocked(const ThreadGroup& group);

// Leaves its process group for another (null: for none). Requires the lock. Process groups
// that lose their last link to a parent in the session become orphaned: stopped members
// get SIGHUP and SIGCONT.
RefPtr<ProcessGroup> SetProcessGroupLocked(ThreadGroup& group, RefPtr<ProcessGroup> to);
bool IsOrphanedLocked(const ProcessGroup& group, const ThreadGroup* ignoring = nullptr);

// The end of PID 1: its wait status; -1 while it lives. The start code sleeps on it.
std::atomic<uint32_t>& SandboxEnded();
int SandboxStatus();

}  // namespace ukrun
