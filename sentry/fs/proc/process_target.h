// The process or thread that an entry of /proc is about.
//
// It is found again at every use: by then it may have ended (ESRCH), or another thread may
// have taken its id over (execve).
#pragma once

#include <cstdint>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/fs/pseudo/pseudo_file_system.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ukrun {

enum class TargetKind : uint8_t { kProcess, kThread };

struct ProcessTarget {
  RefPtr<ThreadGroup> group;
  int32_t tid = 0;
  // Whether it stands for the whole process (/proc/PID) or one thread (/proc/PID/task/TID).
  TargetKind kind = TargetKind::kProcess;

  // Errors: ESRCH.
  Result<RefPtr<Task>> Find() const;
  // The ids that own its entries: those of the process, or root's while it must not be
  // looked into (prctl(PR_SET_DUMPABLE)).
  enum class OwnerOf : uint8_t { kDirectory, kContents };
  PseudoOwner Owner(OwnerOf what) const;
};

// A target with what its texts are made from, held for the time of one read.
struct TargetView {
  Task& reader;
  const ProcessTarget& target;
  Task& task;
  TaskResources resources;

  ThreadGroup& group() const { return *target.group; }
  bool whole_process() const { return target.kind == TargetKind::kProcess; }
};

// May `reader` look at memory, descriptors and paths of `task` (ptrace(2), "Ptrace access
// mode checking", PTRACE_MODE_READ_FSCREDS)? Errors: EACCES.
Result<void> CheckInspect(Task& reader, const Task& task);

// The inode number of entry `index` of the target's directory; 0 is the directory itself.
// `index` is below 2^24.
uint64_t TargetNumber(const ProcessTarget& target, uint32_t index);

}  // namespace ukrun
