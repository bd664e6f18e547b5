// What the sandbox was started with: the decoded SandboxConfig (ukrun/sandbox.proto) and
// what the first stage found out. Constant once the kernel runs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ukrun/startup.h"

namespace ukrun {

struct MountSetting {
  enum class Kind : uint8_t { kGofer, kOverlay, kTmpfs, kProc, kSys, kDev };
  Kind kind = Kind::kTmpfs;
  std::string destination;
  uint32_t attach = 0;
  bool read_only = false;
  bool no_exec = false;
  bool no_suid = false;
  bool no_dev = false;
  uint64_t size_bytes = 0;
  uint32_t mode = 0;
  bool file = false;
};

struct WindowSizeSetting {
  uint16_t rows = 0;
  uint16_t columns = 0;
  uint16_t x_pixels = 0;
  uint16_t y_pixels = 0;
};

struct SandboxSettings {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  uint32_t host_uid = 0;
  uint32_t host_gid = 0;
  std::string host_name;
  std::vector<MountSetting> mounts;
  uint64_t memory_bytes = 0;
  uint32_t process_limit = 4096;
  uint32_t cpu_count = 1;
  uint64_t upper_bytes = 0;
  std::string platform;
  uint32_t terminal_streams = 0;
  WindowSizeSetting window;
  std::vector<std::byte> termios;
  // The caller's shell reads the terminal until a control request says otherwise.
  bool terminal_in_background = false;
  std::vector<uint32_t> ignored_signals;  // by the caller, and so by PID 1
  int strace_fd = -1;
  int debug_fd = -1;
  int memory_events_fd = -1;  // see host_death.h
  int keep_attach = -1;
  std::vector<std::byte> sentry_filter;
  std::vector<std::byte> guest_filter;
  std::vector<uint32_t> host_cpus;

  // From the first stage.
  uint64_t vdso_base = 0;
  uint64_t hwcap = 0;
  uint64_t hwcap2 = 0;
  uint64_t minimum_signal_stack = 0;
  uint64_t clock_ticks = 100;
};

// Reads and checks the configuration from the descriptor. Errors: EINVAL for what does not
// parse.
Result<SandboxSettings> LoadSettings(int fd, const startup::BootInfo& boot);

}  // namespace ukrun
