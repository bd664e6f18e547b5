#include "sentry/task/task.h"

#include <time.h>

#include "base/check.h"
#include "base/thread.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

TaskResources::TaskResources() = default;
TaskResources::TaskResources(const TaskResources& other) = default;
TaskResources& TaskResources::operator=(const TaskResources& other) = default;
TaskResources::~TaskResources() = default;

Task::Task(int32_t tid, RefPtr<ThreadGroup> group, TaskResources resources)
    : tid_(tid), group_(std::move(group)), resources_(std::move(resources)) {
  if (resources_.mm) {
    memory_ = std::make_unique<UserMemory>(*resources_.mm);
  }
}

Task::~Task() = default;

Result<RefPtr<File>> Task::GetFile(Fd fd) {
  RefPtr<File> file = TRY(fds().Get(fd));
  if (file->path_only()) {
    return Fail(EBADF);
  }
  return file;
}

Result<RefPtr<File>> Task::GetFileOrPath(Fd fd) { return fds().Get(fd); }

Result<Fd> Task::InstallFile(RefPtr<File> file, CloseOnExec cloexec) {
  return fds().Install(std::move(file), cloexec, 0, group_->GetLimit(kRlimitNofile).soft);
}

TaskResources Task::Resources() const {
  MutexGuard guard(resources_lock_);
  return resources_;
}

RefPtr<const Credentials> Task::SharedCredentials() const {
  MutexGuard guard(resources_lock_);
  return resources_.credentials;
}

void Task::Kick() {
  sleeper_.Wake();
  MutexGuard guard(resources_lock_);
  if (context_) {
    context_->Interrupt();
  }
}

// The old value is released after the lock: its end may do anything.
void Task::set_mm(RefPtr<MemoryManager> mm) {
  auto memory = mm ? std::make_unique<UserMemory>(*mm) : nullptr;
  MutexGuard guard(resources_lock_);
  std::swap(resources_.mm, mm);
  std::swap(memory_, memory);
}

void Task::set_fds(RefPtr<FdTable> fds) {
  MutexGuard guard(resources_lock_);
  std::swap(resources_.fds, fds);
}

void Task::UnshareFds() {
  if (!fds().shared()) {
    return;
  }
  RefPtr<FdTable> old = RefPtr<FdTable>::Share(&fds());
  set_fds(old->Clone());
  old->Leave(*this);
}

void Task::set_fs(RefPtr<FsContext> fs) {
  MutexGuard guard(resources_lock_);
  std::swap(resources_.fs, fs);
}

void Task::set_credentials(RefPtr<const Credentials> credentials) {
  MutexGuard guard(resources_lock_);
  std::swap(resources_.credentials, credentials);
}

void Task::set_context(std::unique_ptr<ExecutionContext> context) {
  std::unique_ptr<ExecutionContext> old = std::move(context);
  {
    MutexGuard guard(resources_lock_);
    std::swap(context_, old);
    if (old) {
      finished_contexts_cpu_ns_ += old->CpuTimeNs();
    }
  }
}

std::unique_ptr<ExecutionContext> Task::TakeContext() {
  MutexGuard guard(resources_lock_);
  if (context_) {
    finished_contexts_cpu_ns_ += context_->CpuTimeNs();
  }
  return std::move(context_);
}

bool Task::RunsInHostProcess(int host_pid) const {
  MutexGuard guard(resources_lock_);
  return context_ && context_->address_space().IsHostProcess(host_pid);
}

int64_t Task::UserTimeNs() const {
  MutexGuard guard(resources_lock_);
  return finished_contexts_cpu_ns_ + (context_ ? context_->CpuTimeNs() : 0);
}

int64_t Task::SystemTimeNs() const { return system_time_ns_.load(std::memory_order_relaxed); }

Task& CurrentTask() {
  auto* task = static_cast<Task*>(CurrentThread().task);
  UKRUN_CHECK(task != nullptr);
  return *task;
}

}  // namespace ukrun
