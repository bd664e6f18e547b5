#include "ukrun/run.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "ukrun/config.h"
#include "ukrun/control_groups.h"
#include "ukrun/installation.h"
#include "ukrun/messages.h"
#include "ukrun/outcome.h"
#include "ukrun/sandbox.h"
#include "ukrun/signals.h"
#include "ukrun/status.h"
#include "ukrun/supervisor.h"
#include "ukrun/terminal.h"

namespace ukrun {
namespace {

absl::StatusOr<TraceFiles> OpenTraceFiles(const Options& options) {
  TraceFiles files;
  if (options.strace_file.has_value()) {
    files.strace = HostFd(open(options.strace_file->c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666));
    if (!files.strace.valid()) {
      return SystemError(absl::StrCat("--strace=", *options.strace_file), errno);
    }
  } else if (options.strace) {
    files.strace = HostFd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  if (options.debug) {
    files.debug = HostFd(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  return files;
}

}  // namespace

absl::StatusOr<int> RunCommand(const Options& options) {
  absl::StatusOr<Installation> files = FindInstallation();
  UKRUN_RETURN_IF_ERROR(files.status());
  absl::StatusOr<SandboxPlan> plan = PlanSandbox(options, *files);
  UKRUN_RETURN_IF_ERROR(plan.status());
  absl::StatusOr<TraceFiles> trace = OpenTraceFiles(options);
  UKRUN_RETURN_IF_ERROR(trace.status());

  // From here on a signal no longer ends this process, so the terminal is put back in order
  // on every way out.
  Signals signals;
  UKRUN_RETURN_IF_ERROR(signals.Take());
  Terminal terminal;
  plan->sentry.set_terminal_streams(TerminalStreams());
  *plan->sentry.mutable_window() = TerminalWindow();
  plan->sentry.set_termios(terminal.ModesForGuest());
  plan->sentry.set_terminal_in_background(!terminal.InForeground());
  if (terminal.InForeground()) {
    terminal.EnterRaw();
  }
  Outcome outcome;
  {
    uint64_t memory_bytes = plan->sentry.limits().memory_bytes();
    std::string platform = plan->sentry.platform();
    // The default limits do without groups, which cost milliseconds at every start.
    ControlGroups groups =
        ControlGroups::Create({options.memory_bytes, options.pids, options.cpus});
    absl::StatusOr<Sandbox> sandbox = Sandbox::Start(*std::move(plan), *files, *trace, groups);
    UKRUN_RETURN_IF_ERROR(sandbox.status());
    if (options.debug) {
      Say(absl::StrCat("platform ", platform, ", Sentry ", sandbox->sentry().pid, ", gofer ",
                       sandbox->gofer().pid, ", ", groups.procs().size(), " control groups"));
    }
    outcome = Supervisor(options, memory_bytes, *sandbox, signals, terminal).Watch();
  }
  terminal.Restore();
  for (const std::string& line : ClosingLines(outcome, options)) {
    Say(line);
  }
  return ExitStatus(outcome);
}

}  // namespace ukrun
