// What the values of single flags may be. Each function takes the text behind the flag and
// fails with a reason that completes "ukrun: --FLAG=VALUE: …". Plain numbers are in sizes.h.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ukrun/options.h"

namespace ukrun {

// "--FLAG=VALUE: REASON" as a status.
absl::Status BadValue(absl::string_view flag, absl::string_view value, absl::string_view reason);

absl::StatusOr<uint64_t> ParseMemory(const std::string& value);
absl::StatusOr<uint64_t> ParseUpperSize(const std::string& value);
absl::StatusOr<uint32_t> ParsePositive(const std::string& value);
absl::StatusOr<std::string> ParseNotEmpty(const std::string& value);
absl::StatusOr<std::string> ParseHostname(const std::string& value);
absl::StatusOr<std::string> ParsePlatform(const std::string& value);
absl::StatusOr<UserOption> ParseUser(const std::string& value);
absl::StatusOr<TmpfsOption> ParseTmpfs(const std::string& value);
absl::StatusOr<std::string> ParseVariable(const std::string& value);

}  // namespace ukrun
