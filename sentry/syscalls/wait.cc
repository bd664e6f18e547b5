#include "sentry/syscalls/wait.h"

#include <sys/wait.h>

#include "sentry/fs/pidfd/pidfd.h"
#include "sentry/kernel.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/exit.h"
#include "sentry/task/usage.h"

namespace ukrun {
namespace {

constexpr int32_t kWnothread = __WNOTHREAD;
constexpr int32_t kWall = __WALL;
constexpr int32_t kWclone = static_cast<int32_t>(__WCLONE);

struct Selector {
  enum class Kind : uint8_t { kAny, kPid, kGroup } kind = Kind::kAny;
  int32_t id = 0;
  int32_t options = 0;
};

struct Found {
  int32_t pid = 0;
  uint32_t uid = 0;
  int wait_status = 0;
  int code = 0;    // CLD_*
  int status = 0;  // si_status
  ResourceUsage usage;
};

bool Matches(const Selector& selector, const Task& task, const ThreadGroup& child) {
  // PID 1's adopted orphans are reaped by the kernel and not its to wait for.
  bool others = (selector.options & kWnothread) != 0 && child.parent_task != &task;
  if (child.adopted || others) {
    return false;
  }
  bool cloned = child.exit_signal != abi::kSigChld;
  if ((selector.options & kWall) == 0 && cloned != ((selector.options & kWclone) != 0)) {
    return false;
  }
  switch (selector.kind) {
    case Selector::Kind::kAny:
      return true;
    case Selector::Kind::kPid:
      return child.pid() == selector.id;
    case Selector::Kind::kGroup:
      return child.process_group && child.process_group->id == selector.id;
  }
  return false;
}

Found Describe(const ThreadGroup& child) {
  Found found;
  found.pid = child.pid();
  found.uid = child.leader != nullptr ? child.leader->SharedCredentials()->uid : 0;
  found.usage = UsageLocked(child);
  return found;
}

// Looks at one child. True when it has something to report. Requires the lock.
bool Examine(ThreadGroup& child, const Selector& selector, Found* found, ReapedGroup* reaped) {
  bool keep = (selector.options & WNOWAIT) != 0;
  if (child.zombie && (selector.options & WEXITED) != 0) {
    *found = Describe(child);
    found->wait_status = child.exit_status;
    bool signalled = (child.exit_status & 0x7f) != 0;
    found->code = !signalled                        ? abi::kCldExited
                  : (child.exit_status & 0x80) != 0 ? abi::kCldDumped
                                                    : abi::kCldKilled;
    found->status = signalled ? child.exit_status & 0x7f : (child.exit_status >> 8) & 0xff;
    if (!keep) {
      *reaped = ReapLocked(child);
    }
    return true;
  }
  if (child.stop.report_stop && (selector.options & WUNTRACED) != 0) {
    *found = Describe(child);
    found->wait_status = (child.stop.stop_signal << 8) | 0x7f;
    found->code = abi::kCldStopped;
    found->status = child.stop.stop_signal;
    child.stop.report_stop = keep;
    return true;
  }
  if (child.stop.report_continue && (selector.options & WCONTINUED) != 0) {
    *found = Describe(child);
    found->wait_status = 0xffff;
    found->code = abi::kCldContinued;
    found->status = abi::kSigCont;
    child.stop.report_continue = keep;
    return true;
  }
  return false;
}

// One attempt. Errors: ECHILD; EAGAIN when nothing has happened yet.
Result<Found> TryWait(Task& task, const Selector& selector) {
  Found found;
  ReapedGroup reaped;  // ends after the lock
  const TaskTree& tree = kernel().tasks();
  MutexGuard guard(tree.lock());
  if (selector.kind == Selector::Kind::kPid) {
    // Found without a look at its siblings, of which there may be thousands.
    ThreadGroup* child = tree.FindGroupLocked(selector.id);
    if (child == nullptr || child->parent != &task.thread_group() ||
        !Matches(selector, task, *child)) {
      return Fail(ECHILD);
    }
    return Examine(*child, selector, &found, &reaped) ? Result<Found>(found) : Fail(EAGAIN);
  }
  bool any = false;
  for (ThreadGroup* child : task.thread_group().children) {
    if (!Matches(selector, task, *child)) {
      continue;
    }
    any = true;
    if (Examine(*child, selector, &found, &reaped)) {
      return found;
    }
  }
  return Fail(any ? EAGAIN : ECHILD);
}

// pid 0 in the answer: nothing yet, and WNOHANG.
Result<Found> Wait(Task& task, const Selector& selector) {
  auto attempt = [&] { return TryWait(task, selector); };
  if ((selector.options & WNOHANG) != 0) {
    Result<Found> found = attempt();
    return found.Is(EAGAIN) ? Result<Found>(Found{}) : found;
  }
  return BlockOn(task, task.thread_group().child_waiters, Ready::kReadable, attempt);
}

}  // namespace

Result<int64_t> Wait4(Task& task, int32_t pid, UserOut<int32_t> status, int32_t options,
                      UserOut<abi::Rusage> usage) {
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | kWnothread | kWall | kWclone)) != 0) {
    return Fail(EINVAL);
  }
  if (pid == INT32_MIN) {
    return Fail(ESRCH);
  }
  Selector selector;
  selector.options = options | WEXITED;
  if (pid > 0) {
    selector.kind = Selector::Kind::kPid;
    selector.id = pid;
  } else if (pid != -1) {
    selector.kind = Selector::Kind::kGroup;
    if (pid == 0) {
      MutexGuard guard(kernel().tasks().lock());
      selector.id = task.thread_group().process_group->id;
    } else {
      selector.id = -pid;
    }
  }
  Found found = TRY(Wait(task, selector));
  if (found.pid == 0) {
    return int64_t{0};
  }
  if (!status.is_null()) {
    TRY(status.Store(task.memory(), found.wait_status));
  }
  if (!usage.is_null()) {
    TRY(usage.Store(task.memory(), ToRusage(found.usage)));
  }
  return int64_t{found.pid};
}

Result<void> Waitid(Task& task, int32_t id_type, int32_t id, GuestAddr info, int32_t options,
                    UserOut<abi::Rusage> usage) {
  constexpr int32_t kKnown = WNOHANG | WEXITED | WSTOPPED | WCONTINUED | WNOWAIT;
  if ((options & ~(kKnown | kWnothread | kWall | kWclone)) != 0 ||
      (options & (WEXITED | WSTOPPED | WCONTINUED)) == 0) {
    return Fail(EINVAL);
  }
  Selector selector;
  selector.options = options;
  switch (id_type) {
    case P_ALL:
      break;
    case P_PID:
      if (id <= 0) {
        return Fail(EINVAL);
      }
      selector.kind = Selector::Kind::kPid;
      selector.id = id;
      break;
    case P_PGID:
      if (id < 0) {
        return Fail(EINVAL);
      }
      selector.kind = Selector::Kind::kGroup;
      selector.id = id;
      if (id == 0) {
        MutexGuard guard(kernel().tasks().lock());
        selector.id = task.thread_group().process_group->id;
      }
      break;
    case P_PIDFD: {
      if (id < 0) {
        return Fail(EINVAL);
      }
      RefPtr<File> file = TRY(task.GetFile(Fd{id}));
      RefPtr<ThreadGroup> group = TRY(PidfdTarget(*file));
      selector.kind = Selector::Kind::kPid;
      selector.id = group->pid();
      if (file->nonblocking()) {
        selector.options |= WNOHANG;
      }
      break;
    }
    default:
      return Fail(EINVAL);
  }
  Result<Found> outcome = Wait(task, selector);
  Found found = outcome.value_or(Found());
  if (outcome.ok() && found.pid == 0 && (options & WNOHANG) == 0) {
    outcome = Fail(EAGAIN);  // a nonblocking pidfd
  }
  if (!usage.is_null() && found.pid != 0) {
    TRY(usage.Store(task.memory(), ToRusage(found.usage)));
  }
  if (!info.is_null()) {
    abi::SigInfo result;
    if (found.pid != 0) {
      result.signal = abi::kSigChld;
      result.code = found.code;
      result.child.pid = found.pid;
      result.child.uid = found.uid;
      result.child.status = found.status;
    }
    // As Linux does, only the part up to si_status is written, with zeroes even when the call
    // has failed.
    TRY(task.memory().Write(info, &result, 28));
  }
  return outcome.ok() ? Ok() : outcome.failure();
}

}  // namespace ukrun
