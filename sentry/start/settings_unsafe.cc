#include "sentry/start/settings.h"

#include <pb_decode.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "base/host_call.h"
#include "ukrun/sandbox.nanopb.h"

namespace ukrun {
namespace {

constexpr size_t kMostConfigBytes = 16 << 20;

Result<std::vector<uint8_t>> ReadAll(int fd) {
  std::vector<uint8_t> bytes;
  size_t done = 0;
  do {
    bytes.resize(done + 64 * 1024);
    long got = TRY(HostCall(SYS_pread64, fd, bytes.data() + done, bytes.size() - done, done));
    bytes.resize(done + static_cast<size_t>(got));
    done += static_cast<size_t>(got);
    if (got == 0) {
      return bytes;
    }
  } while (done < kMostConfigBytes);
  return Fail(E2BIG);
}

std::string Text(const char* text) { return text == nullptr ? std::string() : std::string(text); }

std::string Text(const pb_bytes_array_t* bytes) {
  std::string text;
  for (pb_size_t i = 0; bytes != nullptr && i < bytes->size; ++i) {
    text.push_back(static_cast<char>(bytes->bytes[i]));
  }
  return text;
}

std::vector<std::byte> Bytes(const pb_bytes_array_t* bytes) {
  std::vector<std::byte> result;
  for (pb_size_t i = 0; bytes != nullptr && i < bytes->size; ++i) {
    result.push_back(static_cast<std::byte>(bytes->bytes[i]));
  }
  return result;
}

Result<MountSetting::Kind> KindOf(ukrun_proto_Mount_Kind kind) {
  switch (kind) {
    case ukrun_proto_Mount_Kind_GOFER:
      return MountSetting::Kind::kGofer;
    case ukrun_proto_Mount_Kind_OVERLAY:
      return MountSetting::Kind::kOverlay;
    case ukrun_proto_Mount_Kind_TMPFS:
      return MountSetting::Kind::kTmpfs;
    case ukrun_proto_Mount_Kind_PROC:
      return MountSetting::Kind::kProc;
    case ukrun_proto_Mount_Kind_SYS:
      return MountSetting::Kind::kSys;
    case ukrun_proto_Mount_Kind_DEV:
      return MountSetting::Kind::kDev;
    default:
      return Fail(EINVAL);
  }
}

Result<MountSetting> Convert(const ukrun_proto_Mount& mount) {
  MountSetting setting;
  setting.kind = TRY(KindOf(mount.kind));
  setting.destination = Text(mount.destination);
  setting.attach = mount.attach;
  setting.read_only = mount.read_only;
  setting.no_exec = mount.no_exec;
  setting.no_suid = mount.no_suid;
  setting.no_dev = mount.no_dev;
  setting.size_bytes = mount.size_bytes;
  setting.mode = mount.mode;
  setting.file = mount.file;
  return setting;
}

uint16_t Small(uint32_t value) { return static_cast<uint16_t>(std::min<uint32_t>(value, 0xffff)); }

Result<SandboxSettings> Convert(const ukrun_proto_SandboxConfig& config) {
  SandboxSettings settings;
  settings.working_directory = Text(config.cwd);
  settings.uid = config.uid;
  settings.gid = config.gid;
  settings.groups.assign(config.groups, config.groups + config.groups_count);
  settings.host_uid = config.host_uid;
  settings.host_gid = config.host_gid;
  settings.host_name = Text(config.hostname);
  for (pb_size_t i = 0; i < config.mounts_count; ++i) {
    settings.mounts.push_back(TRY(Convert(config.mounts[i])));
  }
  settings.memory_bytes = config.limits.memory_bytes;
  settings.process_limit = config.limits.pids;
  settings.cpu_count = std::max<uint32_t>(config.limits.cpus, 1);
  settings.upper_bytes = config.limits.upper_bytes;
  settings.platform = Text(config.platform);
  settings.terminal_streams = config.terminal_streams;
  settings.window = WindowSizeSetting{Small(config.window.rows), Small(config.window.columns),
                                      Small(config.window.x_pixels), Small(config.window.y_pixels)};
  settings.termios = Bytes(config.termios);
  settings.terminal_in_background = config.terminal_in_background;
  settings.ignored_signals.assign(config.ignored_signals,
                                  config.ignored_signals + config.ignored_signals_count);
  settings.strace_fd = config.strace_fd;
  settings.debug_fd = config.debug_fd;
  settings.memory_events_fd = config.memory_events_fd;
  settings.keep_attach = config.keep_attach;
  settings.sentry_filter = Bytes(config.sentry_filter);
  settings.guest_filter = Bytes(config.guest_filter);
  settings.host_cpus.assign(config.host_cpus, config.host_cpus + config.host_cpus_count);
  if (settings.mounts.empty() || settings.mounts.front().destination != "/") {
    return Fail(EINVAL);
  }
  return settings;
}

// The parts of the configuration's file, see startup::ConfigHeader.
struct ConfigParts {
  std::span<const uint8_t> message;
  std::span<const uint8_t> arguments;
  std::span<const uint8_t> environment;
};

Result<ConfigParts> Divide(std::span<const uint8_t> bytes) {
  startup::ConfigHeader header{};
  if (bytes.size() < sizeof(header)) {
    return Fail(EINVAL);
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::span<const uint8_t> rest = bytes.subspan(sizeof(header));
  auto take = [&rest](uint64_t size) -> Result<std::span<const uint8_t>> {
    if (size > rest.size()) {
      return Fail(EINVAL);
    }
    std::span<const uint8_t> part = rest.first(size);
    rest = rest.subspan(size);
    return part;
  };
  ConfigParts parts;
  parts.message = TRY(take(header.message_bytes));
  parts.arguments = TRY(take(header.argument_bytes));
  parts.environment = TRY(take(header.environment_bytes));
  return parts;
}

// Strings that each end with a zero byte.
std::vector<std::string> Strings(std::span<const uint8_t> bytes) {
  std::vector<std::string> strings;
  while (!bytes.empty()) {
    auto end = std::find(bytes.begin(), bytes.end(), uint8_t{0});
    strings.emplace_back(bytes.begin(), end);
    auto used = static_cast<size_t>(end - bytes.begin()) + 1;
    bytes = bytes.subspan(std::min(used, bytes.size()));
  }
  return strings;
}

}  // namespace

Result<SandboxSettings> LoadSettings(int fd, const startup::BootInfo& boot) {
  std::vector<uint8_t> bytes = TRY(ReadAll(fd));
  ConfigParts parts = TRY(Divide(bytes));
  pb_istream_t stream = pb_istream_from_buffer(parts.message.data(), parts.message.size());
  ukrun_proto_SandboxConfig config = ukrun_proto_SandboxConfig_init_zero;
  if (!pb_decode(&stream, ukrun_proto_SandboxConfig_fields, &config)) {
    return Fail(EINVAL);
  }
  Result<SandboxSettings> settings = Convert(config);
  pb_release(ukrun_proto_SandboxConfig_fields, &config);
  if (settings.ok()) {
    settings->arguments = Strings(parts.arguments);
    settings->environment = Strings(parts.environment);
    if (settings->arguments.empty()) {
      return Fail(EINVAL);
    }
    settings->vdso_base = boot.vdso_base;
    settings->hwcap = boot.hwcap;
    settings->hwcap2 = boot.hwcap2;
    settings->minimum_signal_stack = boot.minimum_signal_stack;
    settings->clock_ticks = boot.clock_ticks == 0 ? 100 : boot.clock_ticks;
  }
  return settings;
}

}  // namespace ukrun
