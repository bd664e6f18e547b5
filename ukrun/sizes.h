// Reads the numbers that people write on a command line: sizes, durations, counts and
// octal modes. Each function takes the whole text or fails with a reason that completes
// the sentence "ukrun: --FLAG=VALUE: …".
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ukrun {

// "512M", "1.5GiB", "4096": bytes. Units are powers of 1024: K, M, G, T, each optionally
// followed by B or iB, in either case.
absl::StatusOr<uint64_t> ParseSize(absl::string_view text);

// "10s", "5m", "1h", "1.5h", "250ms", "1h30m", or a bare number of seconds: nanoseconds.
// Zero is refused: a limit of no time at all is a mistake.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text);

// A whole decimal number in [minimum, maximum].
absl::StatusOr<uint32_t> ParseCount(absl::string_view text, uint32_t minimum, uint32_t maximum);

// An octal file mode up to 07777.
absl::StatusOr<uint32_t> ParseMode(absl::string_view text);

// "512 MiB", "1.5 GiB": for messages.
std::string FormatSize(uint64_t bytes);

// "10s", "1h30m", "250ms": for messages, in the form that ParseDuration reads.
std::string FormatDuration(int64_t ns);

}  // namespace ukrun
