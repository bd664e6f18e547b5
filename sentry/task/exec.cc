#include "sentry/task/exec.h"

#include <array>

#include "loader/initial_stack.h"
#include "loader/script.h"
#include "sentry/kernel.h"
#include "sentry/mm/guest_io.h"
#include "sentry/signal/signals.h"
#include "sentry/task/exec_image.h"
#include "sentry/task/exit.h"
#include "sentry/task/thread_group.h"
#include "sentry/time/process_timers.h"
#include "sentry/vfs/vfs.h"
#include "sentry/vfs/write_access.h"

namespace ukrun {
namespace {

// Reads the head of the file that decides what it is; zeros behind its end.
Result<std::array<std::byte, kExecHeadBytes>> ReadHead(File& file) {
  std::array<std::byte, kExecHeadBytes> head{};
  GuestIo io(head);
  TRY(file.ReadAt(io, 0));
  return head;
}

bool IsScript(std::span<const std::byte> head) {
  return head.size() >= 2 && head[0] == std::byte{'#'} && head[1] == std::byte{'!'};
}

// As on Linux, an empty name is the directory that it is relative to, which is no program.
Result<RefPtr<File>> OpenInterpreter(Task& task, std::string_view path) {
  if (path.empty()) {
    return Fail(EACCES);
  }
  return OpenExecutable(task, Fd{kAtFdCwd}, path, {});
}

// Follows `#!` lines until a program is found.
Result<void> FollowScripts(Task& task, ExecRequest& request) {
  std::string script = request.file_name;
  for (int depth = 0;; ++depth) {
    auto head = TRY(ReadHead(*request.file));
    if (!IsScript(head)) {
      return Ok();
    }
    if (depth >= kMaxInterpreterDepth) {
      return Fail(ELOOP);
    }
    ScriptLine line = TRY(ParseScript(head));
    if (request.name_vanishes) {
      return Fail(ENOENT);
    }
    std::vector<std::string> arguments = {line.interpreter};
    if (line.argument) {
      arguments.push_back(*line.argument);
    }
    arguments.push_back(script);
    for (size_t i = 1; i < request.arguments.size(); ++i) {
      arguments.push_back(std::move(request.arguments[i]));
    }
    request.arguments = std::move(arguments);
    request.file = TRY(OpenInterpreter(task, line.interpreter));
    script = line.interpreter;
  }
}

Result<void> CheckArgumentSize(const Task& task, const ExecRequest& request) {
  uint64_t limit = task.thread_group().GetLimit(kRlimitStack).soft;
  ArgumentBudget budget =
      TRY(ArgumentBudget::Create(request.arguments.size(), request.environment.size(), limit));
  TRY(budget.Charge(request.file_name.size()));
  for (const std::string& text : request.environment) {
    TRY(budget.Charge(text.size()));
  }
  for (const std::string& text : request.arguments) {
    TRY(budget.Charge(text.size()));
  }
  return Ok();
}

std::string BaseName(std::string_view path) {
  size_t slash = path.rfind('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return std::string(name.substr(0, 15));
}

Result<ProgramImage> PlanImage(Task& task, ExecRequest request) {
  ProgramImage image;
  image.plan = TRY(PlanProgram(*request.file));
  if (image.plan.interpreter) {
    image.interpreter_file = TRY(OpenInterpreter(task, *image.plan.interpreter));
    image.interpreter_plan = TRY(PlanProgramInterpreter(*image.interpreter_file));
  }
  image.file = std::move(request.file);
  image.file_name = std::move(request.file_name);
  image.arguments = std::move(request.arguments);
  image.environment = std::move(request.environment);
  return image;
}

// The effective ids become the saved ones; capabilities as capabilities(7), "Transformation
// of capabilities during execve()", for files without capabilities of their own.
void ExecCredentials(Task& task) {
  RefPtr<Credentials> fresh = task.credentials().Copy();
  fresh->suid = fresh->fsuid = fresh->euid;
  fresh->sgid = fresh->fsgid = fresh->egid;
  bool root = fresh->euid == 0 || fresh->uid == 0;
  constexpr uint32_t kSecureNoroot = 1;
  if (root && (fresh->secure_bits & kSecureNoroot) == 0) {
    fresh->permitted = fresh->inheritable | fresh->bounding;
    fresh->effective = fresh->euid == 0 ? fresh->permitted : 0;
  } else {
    fresh->permitted = fresh->ambient;
    fresh->effective = fresh->ambient;
  }
  fresh->keep_capabilities = false;
  task.set_credentials(std::move(fresh));
}

void SwitchTo(Task& task, LoadedImage loaded) {
  abi::Registers registers{};
  registers.rip = loaded.entry;
  registers.rsp = loaded.stack_pointer;
  registers.eflags = 0x202;
  registers.cs = abi::kUserCs;
  registers.ss = abi::kUserSs;
  loaded.context->registers() = registers;
  task.set_context(std::move(loaded.context));
  task.set_mm(std::move(loaded.mm));
  task.registers_replaced = true;
}

void ResetForNewProgram(Task& task) {
  ThreadGroup& group = task.thread_group();
  task.restart.reset();
  {
    // Before any descriptor closes: a parent that waits for that may ask at once.
    MutexGuard guard(kernel().tasks().lock());
    group.has_execed = group.has_program;
    group.has_program = true;
    group.exit_signal = abi::kSigChld;
    group.dumpable = true;
  }
  task.UnshareFds();
  task.fds().CloseAllOnExec(task);
  ResetSignalsOnExec(task);
  group.timers().DeletePosixTimers();
  if (RefPtr<VforkLatch> latch = std::move(task.vfork_latch)) {
    latch->Release();
  }
}

}  // namespace

Result<RefPtr<File>> OpenExecutable(Task& task, Fd start, std::string_view path,
                                    const WalkOptions& options) {
  Path found = TRY(Walk(task, start, path, options));
  RefPtr<Inode> inode = found.dentry->inode();
  if (!inode) {
    return Fail(ENOENT);
  }
  if (inode->type() != S_IFREG) {
    return Fail(inode->type() == S_IFLNK ? ELOOP : EACCES);
  }
  if (found.mount && found.mount->flags().no_exec) {
    return Fail(EACCES);
  }
  TRY(CheckPermission(task.credentials(), found, kMayExecute));
  // A program may be executable without being readable: it is opened past that check.
  OpenOptions open;
  open.read = true;
  // Nobody may write to it while it runs: the file is held as long as the program.
  TRY(DenyWriteAccess(*inode));
  Result<RefPtr<File>> file = inode->Open(task, found, open);
  if (file.ok() && (*file)->inode() == inode.get()) {
    AdoptWriteDenial(**file);
  } else {
    AllowWriteAccess(*inode);
  }
  return file;
}

Result<void> ExecTask(Task& task, ExecRequest request) {
  std::string name = BaseName(request.file_name);
  TRY(FollowScripts(task, request));
  TRY(CheckArgumentSize(task, request));
  ProgramImage image = TRY(PlanImage(task, std::move(request)));
  LoadedImage loaded = TRY(NewImage());
  if (!LoadImage(task, image, loaded).ok()) {
    // As on Linux, what fails from here on is noticed when the old program is gone already.
    BeginGroupExit(task.thread_group(), abi::kSigSegv);
    return Fail(EAGAIN);  // nobody sees this
  }
  if (!EndOtherTasks(task)) {
    return Fail(EAGAIN);  // the caller ends; nobody sees this
  }
  ExecCredentials(task);
  RefPtr<MemoryManager> old = task.Resources().mm;
  if (task.thread_group().has_program) {
    LeaveMemory(task);
    old->RemoveUser();
  }
  SwitchTo(task, std::move(loaded));
  if (old) {
    AddHostUsage(task.thread_group(), old->space().FinalUsage());
  }
  task.set_name(std::move(name));
  ResetForNewProgram(task);
  return Ok();
}

}  // namespace ukrun
