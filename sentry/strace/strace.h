// --strace: a line for each system call, signal and death, much as strace(1) prints them.
//
//     [1] openat(AT_FDCWD, "/nonexistent", O_RDONLY) = -1 ENOENT (sentry/vfs/walk.cc:210)
//     [1] --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=4, ...} ---
//     [1] +++ exited with 1 +++
//
// A call that waits long is announced, and printed whole when it returns:
//
//     [1] wait4(-1, 0x7ffd..., 0, NULL <unfinished ...>
//
// The number is the thread's id. In the place of the errno's explanation stands where the
// failure was made. Switched off, each of these is a branch that is not taken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/signal.h"
#include "sentry/task/task.h"

namespace ukrun {

void StraceInitialize(int fd);  // -1: off

namespace strace {

extern constinit int g_fd;
void PrintSignal(const Task& task, const abi::SigInfo& info);
void PrintStop(const Task& task, int signal);
void PrintEnd(const Task& task);
bool SleepAnnounced(Task& task, uint32_t seen, int64_t deadline_ns);
void PrintStart(const Task& task, const std::string& program,
                const std::vector<std::string>& arguments, size_t variables);

}  // namespace strace

inline bool StraceEnabled() { return strace::g_fd >= 0; }

// Requires: no lock held, as for whatever writes to the host.
inline void StraceSignal(const Task& task, const abi::SigInfo& info) {
  if (StraceEnabled()) [[unlikely]] {
    strace::PrintSignal(task, info);
  }
}
inline void StraceStop(const Task& task, int signal) {
  if (StraceEnabled()) [[unlikely]] {
    strace::PrintStop(task, signal);
  }
}
// Sleeper::Sleep, for the task itself.
inline bool StraceSleep(Task& task, uint32_t seen, int64_t deadline_ns) {
  if (StraceEnabled()) [[unlikely]] {
    return strace::SleepAnnounced(task, seen, deadline_ns);
  }
  return task.sleeper().Sleep(seen, deadline_ns);
}
// The sandbox's first program runs: no call of a guest's, but the trace begins with it.
inline void StraceStart(const Task& task, const std::string& program,
                        const std::vector<std::string>& arguments, size_t variables) {
  if (StraceEnabled()) [[unlikely]] {
    strace::PrintStart(task, program, arguments, variables);
  }
}
// The task ends, with the status that it has or its group.
inline void StraceEnd(const Task& task) {
  if (StraceEnabled()) [[unlikely]] {
    strace::PrintEnd(task);
  }
}

}  // namespace ukrun
