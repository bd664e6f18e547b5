#include "ukrun/flag_values.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "ukrun/platforms.h"
#include "ukrun/sizes.h"

namespace ukrun {
namespace {

absl::StatusOr<uint64_t> ParseSizeFrom(const std::string& value, uint64_t minimum) {
  absl::StatusOr<uint64_t> bytes = ParseSize(value);
  if (bytes.ok() && *bytes < minimum) {
    return absl::InvalidArgumentError(absl::StrCat("it must be at least ", FormatSize(minimum)));
  }
  return bytes;
}

absl::Status ApplyTmpfsWord(const std::string& word, TmpfsOption& tmpfs) {
  std::vector<std::string> pair = absl::StrSplit(word, absl::MaxSplits('=', 1));
  if (pair.size() == 2 && pair[0] == "size") {
    absl::StatusOr<uint64_t> size = ParseSizeFrom(pair[1], 1);
    tmpfs.size_bytes = size.value_or(0);
    return size.ok() ? absl::OkStatus() : BadValue("size", pair[1], size.status().message());
  }
  if (pair.size() == 2 && pair[0] == "mode") {
    absl::StatusOr<uint32_t> mode = ParseMode(pair[1]);
    tmpfs.mode = mode.value_or(0);
    return mode.ok() ? absl::OkStatus() : BadValue("mode", pair[1], mode.status().message());
  }
  if (word == "noexec") {
    tmpfs.no_exec = true;
  } else if (word == "nosuid") {
    tmpfs.no_suid = true;
  } else if (word == "nodev") {
    tmpfs.no_dev = true;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", word, "' is not an option; there are size=, mode=, noexec, nosuid and nodev"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BadValue(absl::string_view flag, absl::string_view value, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(flag, "=", value, ": ", reason));
}

absl::StatusOr<uint64_t> ParseMemory(const std::string& value) {
  // The sandbox's kernel and a first program need this much.
  return ParseSizeFrom(value, uint64_t{16} << 20);
}

absl::StatusOr<uint64_t> ParseUpperSize(const std::string& value) {
  return ParseSizeFrom(value, uint64_t{4} << 10);
}

absl::StatusOr<uint32_t> ParsePositive(const std::string& value) {
  return ParseCount(value, 1, std::numeric_limits<int32_t>::max());
}

absl::StatusOr<std::string> ParseNotEmpty(const std::string& value) {
  if (value.empty()) {
    return absl::InvalidArgumentError("it must not be empty");
  }
  return value;
}

absl::StatusOr<std::string> ParseHostname(const std::string& value) {
  // sethostname(2) allows 64 bytes.
  if (value.empty() || value.size() > 64) {
    return absl::InvalidArgumentError("a host name has 1 to 64 characters");
  }
  return value;
}

absl::StatusOr<std::string> ParsePlatform(const std::string& value) {
  std::vector<std::string> names = PlatformNames();
  if (value != "auto" && std::find(names.begin(), names.end(), value) == names.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no such platform; there are auto, ", absl::StrJoin(names, ", ")));
  }
  return value;
}

absl::StatusOr<UserOption> ParseUser(const std::string& value) {
  std::vector<std::string> parts = absl::StrSplit(value, absl::MaxSplits(':', 1));
  // The largest number means "no change" to chown(2) and friends.
  constexpr uint32_t kMaxId = std::numeric_limits<uint32_t>::max() - 1;
  absl::StatusOr<uint32_t> uid = ParseCount(parts[0], 0, kMaxId);
  absl::StatusOr<uint32_t> gid = parts.size() > 1 ? ParseCount(parts[1], 0, kMaxId) : uid;
  if (!uid.ok() || !gid.ok()) {
    return absl::InvalidArgumentError("a user is UID or UID:GID, both numbers");
  }
  return UserOption{*uid, *gid};
}

absl::StatusOr<TmpfsOption> ParseTmpfs(const std::string& value) {
  std::vector<std::string> parts = absl::StrSplit(value, absl::MaxSplits(':', 1));
  TmpfsOption tmpfs;
  tmpfs.destination = parts[0];
  if (!absl::StartsWith(tmpfs.destination, "/")) {
    return absl::InvalidArgumentError("the folder must be named by a path that starts with /");
  }
  std::vector<std::string> words;
  if (parts.size() > 1) {
    words = absl::StrSplit(parts[1], ',');
  }
  for (const std::string& word : words) {
    if (absl::Status status = ApplyTmpfsWord(word, tmpfs); !status.ok()) {
      return status;
    }
  }
  return tmpfs;
}

absl::StatusOr<std::string> ParseVariable(const std::string& value) {
  if (value.empty() || value[0] == '=') {
    return absl::InvalidArgumentError("a variable needs a name");
  }
  return value;
}

}  // namespace ukrun
