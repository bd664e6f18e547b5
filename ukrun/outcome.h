// How a sandbox ended, and what ukrun says and returns because of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ukrun/options.h"
#include "ukrun/sandbox.pb.h"

namespace ukrun {

inline constexpr int kOwnFailureStatus = 125;
inline constexpr int kTimedOutStatus = 124;  // as timeout(1)

struct Outcome {
  // The last word of the Sentry, if it had one.
  std::optional<proto::ControlEvent> last;
  // Why ukrun ended the sandbox, if it did.
  proto::ControlRequest::Reason ended = proto::ControlRequest::REASON_UNSPECIFIED;
  // Which process died first without having been told to: "the Sentry was killed by
  // signal 9 (Killed)". Empty when the sandbox ended in order, or the process said why.
  std::string death;
};

// Exit status for a wait status as in wait(2).
int StatusOfWait(uint32_t wait_status);

int ExitStatus(const Outcome& outcome);

// The lines to print on standard error at the end, without "ukrun: " and line ends; often
// none.
std::vector<std::string> ClosingLines(const Outcome& outcome, const Options& options);

// "was killed by signal 9 (Killed)", "exited with status 1": for a wait status.
std::string DescribeWait(int wait_status);

}  // namespace ukrun
