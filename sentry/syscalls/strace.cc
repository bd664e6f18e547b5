#include "sentry/syscalls/strace.h"

#include <sys/syscall.h>

#include <iterator>

#include "base/host_call.h"
#include "sentry/syscalls/errno_names.h"

namespace ukrun {
namespace {

constinit int g_fd = -1;

std::string Head(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments) {
  std::string line = Format("[{}] ", task.tid());
  std::string inside;
  if (row == nullptr) {
    AppendFormat(line, "syscall_{:#x}", number);
  } else {
    line += row->name;
    if (row->describe != nullptr) {
      row->describe(task, arguments, inside);
    }
  }
  line += "(" + inside + ")";
  return line;
}

bool NeverReturns(uint64_t number) {
  return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn ||
         number == SYS_execve || number == SYS_execveat;
}

void Print(std::string line) {
  line.push_back('\n');
  HostWriteAll(g_fd, line.data(), line.size());
}

}  // namespace

namespace syscall_detail {

void DescribeString(Task& task, uint64_t address, std::string& out) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  Result<std::string> text = task.memory().ReadString(GuestAddr(address), 256, E2BIG);
  if (!text.ok()) {
    AppendFormat(out, "{:#x}", address);
    return;
  }
  out.push_back('"');
  for (char c : *text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c >= 0x20 && c < 0x7f) {
      out.push_back(c);
    } else {
      AppendFormat(out, "\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  out.push_back('"');
}

}  // namespace syscall_detail

void StraceInitialize(int fd) { g_fd = fd; }
bool StraceEnabled() { return g_fd >= 0; }

void StraceEnter(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments) {
  if (NeverReturns(number)) {
    Print(Head(task, row, number, arguments));
  }
}

void StraceLeave(Task& task, const Row* row, uint64_t number, const SyscallArguments& arguments,
                 const Result<int64_t>& result) {
  if (NeverReturns(number) && result.ok()) {
    return;
  }
  std::string line = Head(task, row, number, arguments);
  if (result.ok()) {
    int64_t value = *result;
    if (value > 0xffff || value < 0) {
      AppendFormat(line, " = {:#x}", static_cast<uint64_t>(value));
    } else {
      AppendFormat(line, " = {}", value);
    }
  } else {
    FailureSite site = result.failure().site();
    AppendFormat(line, " = -1 {} ({}:{})", ErrnoName(result.error()), site.file, site.line);
  }
  Print(std::move(line));
}

}  // namespace ukrun
