#include "sentry/strace/traced_call.h"

#include <sys/syscall.h>

#include <algorithm>

#include "base/mutex.h"
#include "sentry/strace/line.h"
#include "sentry/syscalls/errno_names.h"

namespace ukrun::strace {
namespace {

// The calls in progress. Nothing is done under the lock but to go along the list.
constinit Mutex g_calls_lock(LockRank::kIds);
constinit TracedCall* g_calls = nullptr;

constexpr size_t kMostArguments = kMostLine - 512;  // leaves room for the result

// Where the tree lies on the machine that built it; of no interest in a line.
constexpr size_t kRootLength = sizeof(__FILE__) - sizeof("sentry/strace/traced_call.cc");

bool NeverReturns(uint64_t number) { return number == SYS_exit || number == SYS_exit_group; }

uint64_t Cut(uint64_t value, uint8_t bytes) {
  return bytes >= sizeof(value) ? value : value & ((uint64_t{1} << (bytes * 8)) - 1);
}

// What becomes of a call that a signal interrupted, for the codes that guests never see.
const char* RestartNote(int code) {
  switch (code) {
    case kErestartsys:
      return "To be restarted if SA_RESTART is set";
    case kErestartnointr:
      return "To be restarted";
    case kErestartnohand:
      return "To be restarted if no handler runs";
    default:
      return "Interrupted by signal";
  }
}

void AppendFailure(std::string& out, const Failure& failure, const Row* row) {
  if (failure.code() >= kErestartsys) {
    AppendFormat(out, "? {} ({})", ErrnoName(failure.code()), RestartNote(failure.code()));
    return;
  }
  AppendFormat(out, "-1 {}", ErrnoName(failure.code()));
  if (row == nullptr || row->support == Support::kMissing) {
    out += " (not implemented)";
  } else if (row->support == Support::kRefused) {
    AppendFormat(out, " (refused: {})", row->note);
  } else if (failure.site().line != 0) {
    std::string_view file = failure.site().file;
    AppendFormat(out, " ({}:{})", file.substr(std::min(kRootLength, file.size())),
                 failure.site().line);
  }
}

}  // namespace

TracedCall::TracedCall(Task& task, const Row* row, uint64_t number,
                       const SyscallArguments& arguments)
    : row_(row),
      format_(row != nullptr ? FindCallFormat(number) : nullptr),
      number_(number),
      tid_(task.tid()),
      call_{.task = task, .arguments = arguments.values} {
  bool typed = row != nullptr && row->invoke != nullptr;
  count_ = typed ? static_cast<size_t>(row->argument_count) : 0;
  for (size_t i = 0; i < count_; ++i) {
    call_.arguments[i] = Cut(arguments.values[i], row->parameters[i].bytes);
  }
  for (size_t i = count_; format_ != nullptr && i < call_.arguments.size(); ++i) {
    if (format_->arguments[i].before != nullptr) {
      count_ = i + 1;
    }
  }
  // Of a call that nothing is known about: the registers.
  if (!typed && count_ == 0) {
    count_ = call_.arguments.size();
  }
  for (size_t i = 0; i < count_; ++i) {
    ArgumentAt(i).before(call_, call_.arguments[i], texts_[i]);
  }
  if (NeverReturns(number)) {
    PrintLine(tid_, Head() + ") = ?");
  }
  MutexGuard guard(g_calls_lock);
  next_ = g_calls;
  if (next_ != nullptr) {
    next_->previous_ = this;
  }
  g_calls = this;
}

TracedCall::~TracedCall() {
  MutexGuard guard(g_calls_lock);
  if (next_ != nullptr) {
    next_->previous_ = previous_;
  }
  (previous_ != nullptr ? previous_->next_ : g_calls) = next_;
}

void TracedCall::Announce(const Task& task) {
  TracedCall* call;
  {
    MutexGuard guard(g_calls_lock);
    call = g_calls;
    while (call != nullptr && &call->call_.task != &task) {
      call = call->next_;
    }
  }
  if (call != nullptr && !call->announced_) {
    call->announced_ = true;
    PrintLine(call->tid_, call->Head() + " <unfinished ...>");
  }
}

Argument TracedCall::ArgumentAt(size_t index) const {
  if (format_ != nullptr && format_->arguments[index].before != nullptr) {
    return format_->arguments[index];
  }
  if (row_ != nullptr && row_->invoke != nullptr) {
    return row_->parameters[index].argument;
  }
  return kHex;
}

void TracedCall::DescribeReturned() {
  for (size_t i = 0; i < count_; ++i) {
    Argument argument = ArgumentAt(i);
    if (argument.after == nullptr) {
      continue;
    }
    std::string text;
    argument.after(call_, call_.arguments[i], text);
    if (text.empty()) {
      continue;
    }
    if (argument.after != argument.before) {
      texts_[i] = std::move(text);
    } else if (text != texts_[i]) {
      texts_[i] += " => " + text;
    }
  }
}

std::string TracedCall::Head() const {
  std::string head;
  if (row_ != nullptr) {
    head = row_->name;
  } else {
    AppendFormat(head, "syscall_{:#x}", number_);
  }
  head.push_back('(');
  size_t count = count_;
  while (count > 0 && texts_[count - 1].empty()) {
    --count;
  }
  for (size_t i = 0; i < count; ++i) {
    head += i == 0 ? "" : ", ";
    head += texts_[i];
  }
  if (head.size() > kMostArguments) {
    head.resize(kMostArguments);
    head += "...";
  }
  return head;
}

void TracedCall::AppendValue(std::string& out) const {
  // rt_sigreturn brings back what an interrupted call has returned.
  if (call_.task.registers_replaced && call_.result < 0 && call_.result > -kErestartsys) {
    AppendFormat(out, "-1 {}", ErrnoName(static_cast<int>(-call_.result)));
  } else if (format_ != nullptr && format_->result != nullptr) {
    format_->result(call_, out);
  } else if (row_ != nullptr && row_->returns_address) {
    AppendFormat(out, "{:#x}", static_cast<uint64_t>(call_.result));
  } else {
    AppendFormat(out, "{}", call_.result);
  }
}

void TracedCall::Return(const Result<int64_t>& result) {
  if (NeverReturns(number_)) {
    return;
  }
  if (result.ok()) {
    // A new program begins with its registers, an interrupted one goes on with its own.
    Task& task = call_.task;
    call_.result = task.registers_replaced ? static_cast<int64_t>(task.registers().rax) : *result;
    DescribeReturned();
  }
  std::string line = Head() + ") = ";
  if (result.ok()) {
    AppendValue(line);
  } else {
    AppendFailure(line, result.failure(), row_);
  }
  PrintLine(tid_, line);
}

}  // namespace ukrun::strace
