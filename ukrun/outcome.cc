#include "ukrun/outcome.h"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "ukrun/sizes.h"

namespace ukrun {
namespace {

std::string CountedFiles(uint64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

void AppendFileLines(const proto::ControlEvent& last, const Options& options,
                     std::vector<std::string>& lines) {
  if (!last.keep_error().empty()) {
    lines.push_back(absl::StrCat("--keep=", options.keep_dir.value_or(""),
                                 ": the changes could not all be saved: ", last.keep_error()));
  }
  if (options.quiet) {
    return;
  }
  if (options.keep_dir.has_value() && last.kept_files() > 0) {
    lines.push_back(absl::StrCat(CountedFiles(last.kept_files(), "file was", "files were"),
                                 " saved in ", *options.keep_dir));
  }
  if (last.unkept_files() > 0) {
    lines.push_back(absl::StrCat(CountedFiles(last.unkept_files(), "file", "files"),
                                 " could not be saved there: a socket or device, or refused by "
                                 "the host"));
  }
  if (last.discarded_files() > 0) {
    lines.push_back(
        absl::StrCat(CountedFiles(last.discarded_files(), "file was", "files were"),
                     " discarded; use --keep DIR to save them or --bind SRC to write through"));
  }
}

}  // namespace

int StatusOfWait(uint32_t wait_status) {
  auto status = static_cast<int>(wait_status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string DescribeWait(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    int signal = WTERMSIG(wait_status);
    return absl::StrCat("was killed by signal ", signal, " (", strsignal(signal), ")");
  }
  return absl::StrCat("exited with status ", WEXITSTATUS(wait_status));
}

int ExitStatus(const Outcome& outcome) {
  if (outcome.ended == proto::ControlRequest::TIMED_OUT) {
    return kTimedOutStatus;
  }
  if (outcome.ended == proto::ControlRequest::INTERRUPTED) {
    return 128 + SIGINT;
  }
  if (!outcome.last.has_value()) {
    return kOwnFailureStatus;
  }
  if (!outcome.last->start_error().empty()) {
    return static_cast<int>(outcome.last->start_status());
  }
  return StatusOfWait(outcome.last->wait_status());
}

std::vector<std::string> ClosingLines(const Outcome& outcome, const Options& options) {
  std::vector<std::string> lines;
  if (outcome.ended == proto::ControlRequest::TIMED_OUT) {
    lines.push_back(absl::StrCat("the command ran out of time and was ended after ",
                                 FormatDuration(options.timeout_ns.value_or(0)), " (--timeout)"));
  } else if (!outcome.death.empty()) {
    lines.push_back(absl::StrCat("the sandbox broke down: ", outcome.death));
  }
  if (outcome.last.has_value()) {
    if (!outcome.last->start_error().empty()) {
      lines.push_back(outcome.last->start_error());
    }
    AppendFileLines(*outcome.last, options, lines);
  }
  return lines;
}

}  // namespace ukrun
