// One system call of --strace, from its entry to its line. Only the dispatcher has one.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "sentry/strace/rows.h"
#include "sentry/syscalls/row.h"

namespace ukrun::strace {

class TracedCall {
 public:
  // Looks at what the arguments point to, before the call can change it.
  // Prints the line of a call that never returns.
  TracedCall(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments);
  TracedCall(const TracedCall&) = delete;
  TracedCall& operator=(const TracedCall&) = delete;
  ~TracedCall();

  // Prints the line.
  void Return(const Result<int64_t>& result);
  // The task's call does not come back soon: says once which it is.
  static void Announce(const Task& task);

 private:
  Argument ArgumentAt(size_t index) const;
  void DescribeReturned();
  // The name and the arguments, without the closing parenthesis.
  std::string Head() const;
  void AppendValue(std::string& out) const;

  // Constant after construction.
  const Row* const row_;
  const CallFormat* const format_;
  const uint64_t number_;
  const int tid_;  // execve may change the task's
  size_t count_ = 0;

  Call call_;
  std::array<std::string, 6> texts_;
  bool announced_ = false;

  // Guarded by the list's lock: all calls in progress. A call is looked up by its own task
  // only, so that what is found stays.
  TracedCall* next_ = nullptr;
  TracedCall* previous_ = nullptr;
};

}  // namespace ukrun::strace
