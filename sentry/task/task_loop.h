// A task's whole life is one loop, on every platform: run the guest until it stops, answer,
// deliver signals, run it again.
#pragma once

#include <functional>
#include <memory>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "platform/platform.h"

namespace ukrun {

class Task;

// How a task begins, on its own kernel thread.
struct TaskStart {
  RefPtr<Task> task;
  std::unique_ptr<ParkedThread> thread;  // null: `prepare` loads a program
  // Runs once the context is attached, before guest code: sets registers, loads the
  // program. A failure ends the task with SIGKILL's status.
  std::function<Result<void>(Task&)> prepare;
};

// Starts the task's kernel thread. Errors: EAGAIN, ENOMEM; the task is then as if it had
// never been (the caller takes it out of the tree).
Result<void> StartTask(TaskStart start);

}  // namespace ukrun
