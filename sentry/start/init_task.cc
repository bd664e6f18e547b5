#include "sentry/start/init_task.h"

#include "base/check.h"
#include "base/format.h"
#include "sentry/fs/stdio/host_stream.h"
#include "sentry/fs/stdio/sandbox_terminal.h"
#include "sentry/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/start/control.h"
#include "sentry/strace/strace.h"
#include "sentry/syscalls/blocking.h"
#include "sentry/syscalls/errno_names.h"
#include "sentry/task/exec.h"
#include "sentry/task/exit.h"
#include "sentry/task/sleeper.h"
#include "sentry/task/task_loop.h"
#include "sentry/time/deadline.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

RefPtr<Credentials> RootCredentials() {
  auto credentials = MakeRef<Credentials>();
  credentials->permitted = kAllCapabilities;
  credentials->effective = kAllCapabilities;
  return credentials;
}

RefPtr<Credentials> UserCredentials(const SandboxSettings& settings) {
  auto credentials = MakeRef<Credentials>();
  credentials->uid = credentials->euid = credentials->suid = credentials->fsuid = settings.uid;
  credentials->gid = credentials->egid = credentials->sgid = credentials->fsgid = settings.gid;
  credentials->groups = settings.groups;
  if (settings.uid == 0) {
    credentials->permitted = kAllCapabilities;
    credentials->effective = kAllCapabilities;
  }
  return credentials;
}

Result<void> OpenStandardStreams(Task& task, const SandboxSettings& settings) {
  RefPtr<File> terminal;
  if (settings.terminal_streams != 0) {
    terminal = TRY(OpenSandboxTerminal(task, settings));
  }
  for (int fd = 0; fd < 3; ++fd) {
    bool on_terminal = (settings.terminal_streams & (1u << fd)) != 0;
    RefPtr<File> file;
    if (on_terminal) {
      file = terminal;
    } else {
      Result<RefPtr<File>> stream = OpenHostStream(fd);
      if (stream.Is(EBADF)) {
        continue;  // closed outside: closed inside
      }
      file = TRY(std::move(stream));
    }
    TRY(task.fds().InstallAt(task, Fd{fd}, std::move(file), CloseOnExec::kNo, 1024));
  }
  return Ok();
}

std::string_view FindVariable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return {};
}

// The command as a shell would find it: names without a slash along PATH.
Result<RefPtr<File>> FindCommand(Task& task, const SandboxSettings& settings, std::string* found) {
  const std::string& command = settings.arguments.front();
  if (command.find('/') != std::string::npos) {
    *found = command;
    return OpenExecutable(task, Fd{kAtFdCwd}, command, {});
  }
  std::string_view path = FindVariable(settings.environment, "PATH");
  if (path.empty()) {
    path = "/usr/local/bin:/usr/bin:/bin";
  }
  int error = ENOENT;
  while (true) {
    size_t colon = path.find(':');
    std::string directory(path.substr(0, colon));
    std::string candidate = (directory.empty() ? "." : directory) + "/" + command;
    Result<RefPtr<File>> file = OpenExecutable(task, Fd{kAtFdCwd}, candidate, {});
    if (file.ok()) {
      *found = candidate;
      return file;
    }
    // As shells do: "not executable" is remembered, "not there" is not.
    if (!file.Is(ENOENT) && !file.Is(ENOTDIR)) {
      error = file.error();
    }
    if (colon == std::string_view::npos) {
      return Fail(error);
    }
    path.remove_prefix(colon + 1);
  }
}

std::string_view Reason(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return "no such file or directory inside the sandbox";
    case EACCES:
      return "permission denied (is it executable?)";
    case ENOEXEC:
      return "not a program or script for this machine";
    case ELIBBAD:
      return "its interpreter is not a program for this machine";
    case ENOMEM:
    case EAGAIN:
      return "not enough memory or processes";
    default:
      return ErrnoName(error);
  }
}

Result<void> RunCommand(Task& task, const SandboxSettings& settings) {
  Result<Path> cwd = Walk(task, Fd{kAtFdCwd}, settings.working_directory);
  if (!cwd.ok()) {
    SendStartError(
        Format("working directory {}: {}", settings.working_directory, Reason(cwd.error())),
        kNotFound);
    return cwd.failure();
  }
  task.fs().set_cwd(*std::move(cwd));
  // From here on as the user: only the way to the working directory is walked as root, so
  // that --user may name somebody who could not go there alone.
  task.set_credentials(UserCredentials(settings));
  ExecRequest request;
  Result<RefPtr<File>> file = FindCommand(task, settings, &request.file_name);
  const std::string program = request.file_name;
  Result<void> run = Ok();
  if (file.ok()) {
    request.file = *std::move(file);
    request.arguments = settings.arguments;
    request.environment = settings.environment;
    run = ExecTask(task, std::move(request));
  } else {
    run = file.failure();
  }
  if (!run.ok()) {
    bool missing = !file.ok() && (run.Is(ENOENT) || run.Is(ENOTDIR));
    SendStartError(Format("{}: {}", settings.arguments.front(), Reason(run.error())),
                   missing ? kNotFound : kNotExecutable);
    return run;
  }
  StraceStart(task, program, settings.arguments, settings.environment.size());
  SendStarted();
  return Ok();
}

bool HasEnded(const ThreadGroup& group) {
  MutexGuard guard(kernel().tasks().lock());
  return group.zombie;
}

// Returns whether there was anything to wait for.
bool SleepUntilEnded(ThreadGroup& group, int64_t deadline) {
  if (HasEnded(group)) {
    return false;
  }
  Sleeper sleeper;
  SleeperWaiter waiter(sleeper);
  group.exit_waiters.Add(waiter, Ready::kReadable);
  bool in_time = true;
  while (in_time) {
    uint32_t seen = sleeper.Prepare();
    if (HasEnded(group)) {
      break;
    }
    in_time = sleeper.Sleep(seen, deadline);
  }
  group.exit_waiters.Remove(waiter);
  return true;
}

}  // namespace

Task& MakeInitTask(Path root) {
  TaskTree& tree = kernel().tasks();
  TaskResources resources;
  resources.fds = MakeRef<FdTable>();
  resources.fs = MakeRef<FsContext>(root, root, 0022u);
  resources.credentials = RootCredentials();
  MutexGuard guard(tree.lock());
  int32_t pid = tree.NewIdLocked();
  UKRUN_CHECK(pid == 1);
  auto group = MakeRef<ThreadGroup>(pid);
  group->actions = MakeRef<SignalActions>();
  auto session = MakeRef<Session>(pid);
  auto process_group = MakeRef<ProcessGroup>(pid, std::move(session));
  tree.AddProcessGroupLocked(*process_group);
  static_cast<void>(SetProcessGroupLocked(*group, std::move(process_group)));
  auto task = MakeRef<Task>(pid, group, std::move(resources));
  group->leader = task.get();
  tree.set_init(group.get());
  // Ended processes stay reachable for the sandbox's life: init is never reaped.
  Task& init = *task;
  tree.AddGroupLocked(std::move(group));
  tree.AddTaskLocked(std::move(task));
  return init;
}

Result<void> StartInit(const SandboxSettings& settings) {
  RefPtr<Task> task = kernel().tasks().FindTask(1);
  TRY(OpenStandardStreams(*task, settings));
  std::vector<uint64_t> cpus((settings.cpu_count + 63) / 64);
  for (uint32_t cpu = 0; cpu < settings.cpu_count; ++cpu) {
    cpus[cpu / 64] |= uint64_t{1} << (cpu % 64);
  }
  task->set_affinity(std::move(cpus));
  for (uint32_t signal : settings.ignored_signals) {
    if (signal >= 1 && signal <= abi::kSignalCount) {
      task->thread_group().actions->actions[signal - 1].handler = abi::kSigIgn;
    }
  }
  TaskStart start;
  start.task = task;
  start.prepare = [&settings](Task& init) { return RunCommand(init, settings); };
  return StartTask(std::move(start));
}

void EndEverybody() {
  // The host processes end with this one in any case; their files should end before the
  // upper layer is looked at.
  int64_t deadline = DeadlineAfter(2'000'000'000);
  // Again, because a process that was just being forked may have come since.
  bool all_gone = false;
  while (!all_gone && MonotonicNow() < deadline) {
    all_gone = true;
    std::vector<RefPtr<ThreadGroup>> groups = kernel().tasks().AllGroups();
    for (const RefPtr<ThreadGroup>& group : groups) {
      BeginGroupExit(*group, abi::kSigKill);
    }
    for (const RefPtr<ThreadGroup>& group : groups) {
      all_gone = !SleepUntilEnded(*group, deadline) && all_gone;
    }
  }
}

}  // namespace ukrun
