// A task: one thread of a guest process, and the kernel thread that serves it.
//
// The kernel thread runs the task's loop (task_loop.h); everything marked "task thread
// only" is touched by no other. Task exposes its parts and forwards none of their methods.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/locked.h"
#include "base/ref_ptr.h"
#include "platform/platform.h"
#include "sentry/mm/user_memory.h"
#include "sentry/signal/signal_state.h"
#include "sentry/task/credentials.h"
#include "sentry/task/sleeper.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/fs_context.h"

namespace ukrun {

class MemoryManager;
class ThreadGroup;
struct RestartBlock;

// What the parent of a vfork waits for.
struct VforkLatch : public RefCounted<VforkLatch> {
  void Release() {
    done.store(true);
    waiters.Notify(Ready::kReadable);
  }

  std::atomic<bool> done{false};
  WaitQueue waiters;
};

// What a task shares or copies at clone. Replaced by the task itself only; it reads its
// own without a lock, others (procfs, ptrace) through Task::Resources().
struct TaskResources {
  TaskResources();
  TaskResources(const TaskResources& other);
  TaskResources& operator=(const TaskResources& other);
  ~TaskResources();

  RefPtr<MemoryManager> mm;
  RefPtr<FdTable> fds;
  RefPtr<FsContext> fs;
  RefPtr<const Credentials> credentials;
};

enum class TaskState : uint8_t { kRunning, kSleeping, kStopped, kZombie, kDead };

class Task : public RefCounted<Task> {
 public:
  Task(int32_t tid, RefPtr<ThreadGroup> group, TaskResources resources);
  ~Task();

  int32_t tid() const { return tid_.load(std::memory_order_relaxed); }
  // execve by a thread that is not the leader takes over the leader's id.
  void AssumeTid(int32_t tid) { tid_.store(tid); }
  ThreadGroup& thread_group() const { return *group_; }

  // --- Task thread only.
  UserMemory& memory() { return *memory_; }
  MemoryManager& mm() { return *resources_.mm; }
  FdTable& fds() { return *resources_.fds; }
  FsContext& fs() { return *resources_.fs; }
  const Credentials& credentials() const { return *resources_.credentials; }
  ExecutionContext& context() { return *context_; }
  abi::Registers& registers() { return context_->registers(); }
  Sleeper& sleeper() { return sleeper_; }

  // Errors: EBADF (also for O_PATH descriptors, unless asked for).
  Result<RefPtr<File>> GetFile(Fd fd);
  Result<RefPtr<File>> GetFileOrPath(Fd fd);
  // Errors: EMFILE.
  Result<Fd> InstallFile(RefPtr<File> file, CloseOnExec cloexec);

  // --- Any thread.
  TaskResources Resources() const;
  // Only these: the others' ends may take locks, and this is called under the tree's.
  RefPtr<const Credentials> SharedCredentials() const;
  std::string name() const { return *name_.Lock(); }
  void set_name(std::string name) { std::swap(*name_.Lock(), name); }
  // The CPUs that sched_setaffinity asked for, of those that the sandbox shows.
  std::vector<uint64_t> affinity() const { return *affinity_.Lock(); }
  void set_affinity(std::vector<uint64_t> mask) { std::swap(*affinity_.Lock(), mask); }
  // Makes the task look at its signals: wakes it from sleep and from guest code.
  void Kick();
  std::atomic<bool>& signal_pending() { return signal_pending_; }
  const std::atomic<bool>& signal_pending() const { return signal_pending_; }
  // True when `host_pid` holds this task's memory; for out-of-memory decisions.
  bool RunsInHostProcess(int host_pid) const;
  // CPU time in guest code and in the kernel.
  int64_t UserTimeNs() const;
  int64_t SystemTimeNs() const;
  void AddSystemTime(int64_t ns) { system_time_ns_.fetch_add(ns, std::memory_order_relaxed); }

  // --- Task thread only: replacing resources. What is replaced ends after the lock.
  void set_mm(RefPtr<MemoryManager> mm);
  void set_fds(RefPtr<FdTable> fds);
  // A descriptor table of its own, if it shares one.
  void UnshareFds();
  void set_fs(RefPtr<FsContext> fs);
  void set_credentials(RefPtr<const Credentials> credentials);
  void set_context(std::unique_ptr<ExecutionContext> context);
  std::unique_ptr<ExecutionContext> TakeContext();

  // --- Guarded by the task tree's lock.
  TaskSignals signals;
  TaskState state = TaskState::kRunning;
  // Set once the task must end: by exit, exit_group, execve of a sibling, a fatal signal.
  std::atomic<bool> exiting{false};
  int exit_status = 0;  // wait status
  Task* next_in_group = nullptr;

  // --- Task thread only.
  GuestAddr clear_child_tid;
  GuestAddr robust_list;
  int32_t parent_death_signal = 0;
  std::unique_ptr<RestartBlock> restart;
  // Set in the child of a vfork: told when it has execed or ended.
  RefPtr<VforkLatch> vfork_latch;
  // The call in progress has set the registers itself (rt_sigreturn, execve): no result.
  bool registers_replaced = false;
  // The fault behind the newest forced signal, for signal frames.
  FaultStop last_fault;
  // The call being made, for --strace and panics; -1 in guest code.
  std::atomic<int64_t> current_call{-1};
  std::atomic<uint64_t> current_pc{0};
  std::atomic<int32_t> nice{0};
  std::atomic<uint64_t> timer_slack_ns{50'000};  // kept and shown; sleeps are the host's
  std::atomic<int32_t> scheduling_policy{0};     // SCHED_OTHER, BATCH or IDLE

 private:
  // Changes at execve only, under the tree's lock.
  std::atomic<int32_t> tid_;
  // Constant after construction.
  const RefPtr<ThreadGroup> group_;

  // Written by the task thread under resources_lock_.
  mutable Mutex resources_lock_{LockRank::kTaskResources};
  TaskResources resources_;
  std::unique_ptr<UserMemory> memory_;
  // The context is used by the task thread; Kick() may interrupt it, under the lock.
  std::unique_ptr<ExecutionContext> context_;
  int64_t finished_contexts_cpu_ns_ = 0;

  // Synchronize themselves.
  Sleeper sleeper_;
  std::atomic<bool> signal_pending_{false};
  std::atomic<int64_t> system_time_ns_{0};
  mutable Locked<std::string, LockRank::kIds> name_;
  mutable Locked<std::vector<uint64_t>, LockRank::kIds> affinity_;
};

// The task that the current kernel thread serves.
// Requires: called on a task's kernel thread.
Task& CurrentTask();

// A call that a signal interrupted and restart_syscall(2) goes on with.
struct RestartBlock {
  virtual ~RestartBlock() = default;
  virtual Result<int64_t> Restart(Task& task) = 0;
};

}  // namespace ukrun
