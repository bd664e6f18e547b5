// Making tasks: clone(2) and its relatives.
#pragma once

#include <linux/sched.h>

#include <cstdint>

#include "base/result.h"
#include "platform/guest_memory.h"

namespace ukrun {

class Task;

// Flags of clone(2), clone3(2) and unshare(2) that ask for new namespaces.
inline constexpr uint64_t kNewNamespaceFlags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                                               CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                               CLONE_NEWCGROUP | CLONE_NEWTIME;

// Decoded from clone(2)'s registers or clone3(2)'s structure.
struct CloneRequest {
  uint64_t flags = 0;  // CLONE_*, without the signal
  int32_t exit_signal = 0;
  GuestAddr stack;  // the new stack pointer; null: the parent's
  uint64_t tls = 0;
  GuestAddr parent_tid;
  GuestAddr child_tid;
  GuestAddr pidfd;
};

// Returns the child's id. Waits for it under CLONE_VFORK.
// Errors: EINVAL, EAGAIN, ENOMEM, EPERM.
Result<int64_t> CloneTask(Task& parent, const CloneRequest& request);

}  // namespace ukrun
