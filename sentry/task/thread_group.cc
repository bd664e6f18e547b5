#include "sentry/task/thread_group.h"

#include <time.h>

#include "base/check.h"
#include "sentry/kernel.h"
#include "sentry/time/process_timers.h"

namespace ukrun {
namespace {

constexpr int32_t kPidMax = 4'194'304;

std::array<ResourceLimit, kRlimitCount> DefaultLimits() {
  std::array<ResourceLimit, kRlimitCount> limits;
  limits[kRlimitStack] = {8 << 20, UINT64_MAX};
  limits[kRlimitCore] = {0, UINT64_MAX};
  limits[kRlimitNofile] = {65'536, 1'048'576};
  limits[kRlimitMemlock] = {8 << 20, 8 << 20};
  limits[kRlimitSigpending] = {95'000, 95'000};
  limits[12] = {819'200, 819'200};  // RLIMIT_MSGQUEUE
  limits[13] = {0, 0};              // RLIMIT_NICE
  limits[14] = {0, 0};              // RLIMIT_RTPRIO
  return limits;
}

}  // namespace

ProcessGroup::~ProcessGroup() { UKRUN_CHECK(members.empty()); }

ThreadGroup::ThreadGroup(int32_t pid)
    : pid_(pid),
      start_time_ns_(HostClockNs(CLOCK_BOOTTIME)),
      limits_(DefaultLimits()),
      timers_(std::make_unique<ProcessTimers>(*this)) {}

ThreadGroup::~ThreadGroup() = default;

// --- TaskTree ---------------------------------------------------------------------------

Task* TaskTree::FindTaskLocked(int32_t tid) const {
  auto it = tasks_.find(tid);
  return it == tasks_.end() ? nullptr : it->second.get();
}

ThreadGroup* TaskTree::FindGroupLocked(int32_t pid) const {
  auto it = groups_.find(pid);
  return it == groups_.end() ? nullptr : it->second.get();
}

ProcessGroup* TaskTree::FindProcessGroupLocked(int32_t pgid) const {
  auto it = process_groups_.find(pgid);
  return it == process_groups_.end() ? nullptr : it->second;
}

int32_t TaskTree::NewIdLocked() {
  if (tasks_.size() >= limit_) {
    return 0;
  }
  for (;;) {
    last_id_ = last_id_ >= kPidMax - 1 ? 300 : last_id_ + 1;
    // An id is in use while a task, a group or a session's group carries it.
    if (!tasks_.contains(last_id_) && !groups_.contains(last_id_) &&
        !process_groups_.contains(last_id_)) {
      return last_id_;
    }
  }
}

void TaskTree::AddGroupLocked(RefPtr<ThreadGroup> group) {
  int32_t pid = group->pid();
  groups_.emplace(pid, std::move(group));
}

void TaskTree::AddTaskLocked(RefPtr<Task> task) {
  ThreadGroup& group = task->thread_group();
  task->next_in_group = group.tasks;
  group.tasks = task.get();
  ++group.live_tasks;
  int32_t tid = task->tid();
  tasks_.emplace(tid, std::move(task));
}

// The caller keeps a reference of its own: the task must not end under the lock.
void TaskTree::RemoveTaskLocked(Task& task) {
  ThreadGroup& group = task.thread_group();
  Task** link = &group.tasks;
  while (*link != nullptr && *link != &task) {
    link = &(*link)->next_in_group;
  }
  if (*link != nullptr) {
    *link = task.next_in_group;
  }
  tasks_.erase(task.tid());
}

void TaskTree::RemoveGroupLocked(ThreadGroup& group) { groups_.erase(group.pid()); }

void TaskTree::RemoveProcessGroupLocked(ProcessGroup& group) { process_groups_.erase(group.id); }

RefPtr<Task> TaskTree::FindTask(int32_t tid) const {
  MutexGuard guard(lock_);
  return RefPtr<Task>::Share(FindTaskLocked(tid));
}

RefPtr<ThreadGroup> TaskTree::FindGroup(int32_t pid) const {
  MutexGuard guard(lock_);
  return RefPtr<ThreadGroup>::Share(FindGroupLocked(pid));
}

std::vector<RefPtr<ThreadGroup>> TaskTree::AllGroups() const {
  MutexGuard guard(lock_);
  std::vector<RefPtr<ThreadGroup>> result;
  result.reserve(groups_.size());
  for (const auto& [pid, group] : groups_) {
    result.push_back(group);
  }
  return result;
}

std::vector<RefPtr<Task>> TaskTree::TasksOf(const ThreadGroup& group) const {
  MutexGuard guard(lock_);
  std::vector<RefPtr<Task>> result;
  for (Task* task = group.tasks; task != nullptr; task = task->next_in_group) {
    result.push_back(RefPtr<Task>::Share(task));
  }
  return result;
}

uint32_t TaskTree::LiveTaskCount() const {
  MutexGuard guard(lock_);
  uint32_t count = 0;
  for (const auto& [tid, task] : tasks_) {
    count += task->state == TaskState::kZombie || task->state == TaskState::kDead ? 0u : 1u;
  }
  return count;
}

uint32_t TaskTree::TaskCount() const {
  MutexGuard guard(lock_);
  return static_cast<uint32_t>(tasks_.size());
}

}  // namespace ukrun
