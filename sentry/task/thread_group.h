// Processes: thread groups, process groups and sessions. All of it is one tree, guarded
// by one lock (TaskTree::lock), as signals, waits and job control look at all parts of it.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "base/wait_queue.h"
#include "sentry/signal/signal_state.h"
#include "sentry/task/controlling_terminal.h"
#include "sentry/task/task.h"

namespace ukrun {

class ProcessTimers;
class ThreadGroup;

struct Session : public RefCounted<Session> {
  explicit Session(int32_t session_id) : id(session_id) {}
  const int32_t id;
  // Guarded by the tree lock.
  RefPtr<ControllingTerminal> terminal;
};

class ProcessGroup : public RefCounted<ProcessGroup> {
 public:
  ProcessGroup(int32_t group_id, RefPtr<Session> in_session)
      : id(group_id), session(std::move(in_session)) {}
  ~ProcessGroup();
  const int32_t id;
  const RefPtr<Session> session;
  // Guarded by the tree lock. Not owned; a member leaves before it dies.
  std::set<ThreadGroup*> members;
};

// One resource limit (getrlimit(2)); RLIM_INFINITY is UINT64_MAX.
struct ResourceLimit {
  uint64_t soft = UINT64_MAX;
  uint64_t hard = UINT64_MAX;
};
inline constexpr int kRlimitCount = 16;
inline constexpr int kRlimitData = 2, kRlimitStack = 3, kRlimitCore = 4, kRlimitNproc = 6,
                     kRlimitNofile = 7, kRlimitMemlock = 8, kRlimitAs = 9, kRlimitSigpending = 11,
                     kRlimitFsize = 1, kRlimitCpu = 0;

struct ResourceUsage {
  int64_t user_ns = 0;
  int64_t system_ns = 0;
  int64_t max_resident_kib = 0;
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
};

class ThreadGroup : public RefCounted<ThreadGroup> {
 public:
  explicit ThreadGroup(int32_t pid);
  ~ThreadGroup();

  int32_t pid() const { return pid_; }

  // --- Guarded by the tree lock.
  Task* leader = nullptr;  // null once reaped
  Task* tasks = nullptr;   // linked by next_in_group
  int live_tasks = 0;
  ThreadGroup* parent = nullptr;    // not owned; null for PID 1
  std::set<ThreadGroup*> children;  // not owned: the tree holds references
  // The parent's task that made this group, for __WNOTHREAD and parent-death signals; only
  // compared, never followed. Null: not any more.
  const Task* parent_task = nullptr;
  RefPtr<ProcessGroup> process_group;
  PendingSignals pending;
  // timer_getoverrun(2): of each POSIX timer's signal that was delivered last.
  std::map<int32_t, int32_t> timer_overruns;
  RefPtr<SignalActions> actions;
  StopState stop;
  int32_t exit_signal = abi::kSigChld;
  // exit_group or a fatal signal has begun; the status everybody ends with.
  bool group_exiting = false;
  int exit_status = 0;
  bool zombie = false;   // every task has ended; the parent may wait
  bool adopted = false;  // orphan given to PID 1: reaped by the kernel
  bool child_subreaper = false;
  bool has_execed = false;   // since it was forked
  bool has_program = false;  // false only while PID 1 is being set up
  // The task that runs execve and waits for the others to end.
  Task* exec_task = nullptr;
  ResourceUsage ended_tasks;  // of tasks that are gone
  ResourceUsage waited_children;
  bool dumpable = true;
  // Forks in progress: the signals for many (a process group) that have come meanwhile, which
  // the child is to have as well. Owned by the calls that fork.
  std::vector<abi::SignalSet*> forks;

  // Notified (kReadable) when a child changes state; wait4 sleeps here.
  WaitQueue child_waiters;
  // Notified when a signal arrives, for the group or for one of its tasks; sigtimedwait and
  // signalfd look then.
  WaitQueue signal_waiters;
  // Notified when this group becomes a zombie; pidfds poll it.
  WaitQueue exit_waiters;

  // --- Synchronize themselves.
  ResourceLimit GetLimit(int resource) const { return (*limits_.Lock())[LimitIndex(resource)]; }
  void SetLimit(int resource, ResourceLimit limit) {
    (*limits_.Lock())[LimitIndex(resource)] = limit;
  }
  std::array<ResourceLimit, kRlimitCount> AllLimits() const { return *limits_.Lock(); }
  void SetAllLimits(const std::array<ResourceLimit, kRlimitCount>& limits) {
    *limits_.Lock() = limits;
  }
  ProcessTimers& timers() { return *timers_; }
  int64_t start_time_ns() const { return start_time_ns_; }
  // The parent's pid as getppid(2) gives it; kept here so that it costs no lock.
  std::atomic<int32_t> parent_pid{0};
  // sched_setaffinity mask of the whole group's default; see syscalls/sched.cc.
  std::atomic<int32_t> out_of_memory_score_adjust{0};
  std::atomic<uint64_t> personality{0};

 private:
  static size_t LimitIndex(int resource) { return static_cast<size_t>(resource); }

  const int32_t pid_;
  const int64_t start_time_ns_;  // CLOCK_BOOTTIME
  mutable Locked<std::array<ResourceLimit, kRlimitCount>, LockRank::kIds> limits_;
  std::unique_ptr<ProcessTimers> timers_;
};

// Every task of the sandbox. One per sandbox, at kernel().tasks().
class TaskTree {
 public:
  // The lock of the whole tree: thread groups, process groups, sessions, signal state.
  Mutex& lock() const { return lock_; }

  // --- Require: lock() held.
  Task* FindTaskLocked(int32_t tid) const;
  ThreadGroup* FindGroupLocked(int32_t pid) const;
  ProcessGroup* FindProcessGroupLocked(int32_t pgid) const;
  // Ids are handed out ascending and wrap at pid_max, as on Linux. 0 when the sandbox is
  // at its limit.
  int32_t NewIdLocked();
  void AddGroupLocked(RefPtr<ThreadGroup> group);
  void AddTaskLocked(RefPtr<Task> task);
  void RemoveTaskLocked(Task& task);
  void RemoveGroupLocked(ThreadGroup& group);
  void AddProcessGroupLocked(ProcessGroup& group) { process_groups_[group.id] = &group; }
  void RemoveProcessGroupLocked(ProcessGroup& group);

  // --- Take the lock.
  RefPtr<Task> FindTask(int32_t tid) const;
  RefPtr<ThreadGroup> FindGroup(int32_t pid) const;
  std::vector<RefPtr<ThreadGroup>> AllGroups() const;
  std::vector<RefPtr<Task>> TasksOf(const ThreadGroup& group) const;
  ThreadGroup* init() const { return init_; }
  void set_init(ThreadGroup* init) { init_ = init; }
  void set_limit(uint32_t tasks) { limit_ = tasks; }
  uint32_t TaskCount() const;
  // Tasks that have not ended; zombies do not count.
  uint32_t LiveTaskCount() const;

 private:
  mutable Mutex lock_{LockRank::kTaskTree};
  std::map<int32_t, RefPtr<Task>> tasks_;
  std::map<int32_t, RefPtr<ThreadGroup>> groups_;
  std::map<int32_t, ProcessGroup*> process_groups_;
  ThreadGroup* init_ = nullptr;
  int32_t last_id_ = 0;
  uint32_t limit_ = 4096;
};

}  // namespace ukrun
