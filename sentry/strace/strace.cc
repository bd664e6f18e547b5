#include "sentry/strace/strace.h"

#include <algorithm>

#include "base/format.h"
#include "base/host_call.h"
#include "sentry/kernel.h"
#include "sentry/strace/line.h"
#include "sentry/strace/structures.h"
#include "sentry/strace/traced_call.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/task/thread_group.h"
#include "sentry/time/deadline.h"

namespace ukrun {
namespace strace {

constinit int g_fd = -1;

void PrintLine(int tid, std::string_view text) {
  std::string line = Format("[{}] ", tid);
  line += text;
  // A longer one would go out in pieces, and what stands between them could make the end of
  // a guest's string look like a line.
  if (line.size() > kMostLine - 1) {
    line.resize(kMostLine - 1);
  }
  line.push_back('\n');
  HostWriteAll(g_fd, line.data(), line.size());
}

void PrintSignal(const Task& task, const abi::SigInfo& info) {
  std::string text = "--- ";
  AppendSignal(text, info.signal);
  text.push_back(' ');
  AppendStructure(text, info);
  PrintLine(task.tid(), text + " ---");
}

void PrintStop(const Task& task, int signal) {
  std::string text = "--- stopped by ";
  AppendSignal(text, signal);
  PrintLine(task.tid(), text + " ---");
}

void PrintEnd(const Task& task) {
  int status;
  {
    MutexGuard guard(kernel().tasks().lock());
    const ThreadGroup& group = task.thread_group();
    status = group.group_exiting ? group.exit_status : task.exit_status;
  }
  int signal = status & 0x7f;
  if (signal == 0) {
    PrintLine(task.tid(), Format("+++ exited with {} +++", (status >> 8) & 0xff));
    return;
  }
  std::string text = "+++ killed by ";
  AppendSignal(text, signal);
  PrintLine(task.tid(), text + ((status & 0x80) != 0 ? " (core dumped) +++" : " +++"));
}

void PrintStart(const Task& task, const std::string& program,
                const std::vector<std::string>& arguments, size_t variables) {
  std::string text = "execve(";
  AppendQuoted(text, program);
  text += ", [";
  for (size_t i = 0; i < std::min(arguments.size(), kMostElements); ++i) {
    text += i == 0 ? "" : ", ";
    AppendBeginning(text, arguments[i]);
  }
  text += arguments.size() > kMostElements ? ", ...]" : "]";
  AppendFormat(text, ", [/* {} vars */]) = 0", variables);
  PrintLine(task.tid(), text);
}

bool SleepAnnounced(Task& task, uint32_t seen, int64_t deadline_ns) {
  // Most calls that wait do so for a short time, and need no second line.
  constexpr int64_t kPatienceNs = 300'000'000;
  int64_t patience_ends = DeadlineAfter(kPatienceNs);
  if (deadline_ns != kNoDeadline && deadline_ns <= patience_ends) {
    return task.sleeper().Sleep(seen, deadline_ns);
  }
  if (task.sleeper().Sleep(seen, patience_ends)) {
    return true;
  }
  TracedCall::Announce(task);
  return task.sleeper().Sleep(seen, deadline_ns);
}

}  // namespace strace

void StraceInitialize(int fd) { strace::g_fd = fd; }

}  // namespace ukrun
