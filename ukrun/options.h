// What the command line asks for, checked and in plain types. Filled by flags.h; read by
// everything that prepares a sandbox. Host paths in it have not been looked at yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ukrun {

enum class Access { kReadOnly, kReadWrite };

// --bind, --ro-bind: a path of the host shown to the guest without a layer above it.
struct BindOption {
  std::string text;  // as given, for messages
  Access access = Access::kReadOnly;
};

// --tmpfs
struct TmpfsOption {
  std::string destination;
  uint64_t size_bytes = 0;  // 0: the sandbox's default
  uint32_t mode = 01777;
  bool no_exec = false;
  bool no_suid = false;
  bool no_dev = false;
};

// --user
struct UserOption {
  uint32_t uid = 0;
  uint32_t gid = 0;
};

inline constexpr uint32_t kDefaultPids = 4096;

struct Options {
  enum class Action { kRun, kDoctor, kHelp, kVersion };
  Action action = Action::kRun;
  std::string text_to_print;  // for kHelp and kVersion

  std::vector<std::string> command;

  // Files
  std::optional<std::string> rootfs;
  std::optional<std::string> keep_dir;
  uint64_t upper_bytes = uint64_t{1} << 30;
  std::vector<BindOption> binds;
  std::vector<TmpfsOption> tmpfs;
  std::vector<std::string> hide;
  std::vector<std::string> unhide;

  // Guest
  std::vector<std::string> env;  // NAME=VALUE, or NAME to take the caller's value
  std::optional<UserOption> user;
  std::string hostname = "ukrun";

  // Limits
  std::optional<int64_t> timeout_ns;
  std::optional<uint64_t> memory_bytes;
  std::optional<uint32_t> pids;
  std::optional<uint32_t> cpus;

  // Running and looking
  std::string platform = "auto";
  bool strace = false;
  std::optional<std::string> strace_file;  // nullopt: standard error
  bool debug = false;
  bool quiet = false;
};

}  // namespace ukrun
