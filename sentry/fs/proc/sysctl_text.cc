#include "sentry/fs/proc/sysctl_text.h"

#include <array>

#include "base/format.h"
#include "base/mutex.h"
#include "sentry/fs/dev/host_random.h"
#include "sentry/kernel.h"
#include "sentry/start/settings.h"
#include "sentry/task/task.h"

namespace ukrun {
namespace {

constexpr size_t kNameMax = 64;

// A random UUID (version 4 of RFC 9562).
std::string NewUuid() {
  std::array<uint8_t, 16> bytes{};
  FillRandom(bytes.data(), bytes.size());
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
    AppendFormat(text, "{:02x}", bytes[i]);
  }
  return text + "\n";
}

// The names change as with sethostname(2): by whoever has CAP_SYS_ADMIN.
Result<std::string> NewName(Task& writer, std::string_view text) {
  if (!writer.credentials().Has(Capability::kSysAdmin)) {
    return Fail(EPERM);
  }
  text = text.substr(0, text.find_first_of(std::string_view("\n\0", 2)));
  return std::string(text.substr(0, kNameMax));
}

}  // namespace

Result<std::string> HostNameText(Task&) { return kernel().names().Lock()->host_name + "\n"; }

Result<void> ApplyHostName(Task& writer, std::string_view text) {
  std::string name = TRY(NewName(writer, text));
  std::swap(kernel().names().Lock()->host_name, name);
  return Ok();
}

Result<std::string> DomainNameText(Task&) { return kernel().names().Lock()->domain_name + "\n"; }

Result<void> ApplyDomainName(Task& writer, std::string_view text) {
  std::string name = TRY(NewName(writer, text));
  std::swap(kernel().names().Lock()->domain_name, name);
  return Ok();
}

Result<std::string> ThreadsMaxText(Task&) {
  return Format("{}\n", kernel().settings().process_limit);
}

// The same for the life of the sandbox, which knows no other boot.
Result<std::string> BootIdText(Task&) {
  static constinit Mutex lock{LockRank::kIds};
  static constinit const std::string* boot_id = nullptr;
  MutexGuard guard(lock);
  if (boot_id == nullptr) {
    boot_id = new std::string(NewUuid());
  }
  return *boot_id;
}

Result<std::string> UuidText(Task&) { return NewUuid(); }

// Allocated, free and most files. Nobody counts them for the whole sandbox.
Result<std::string> FileNumberText(Task&) { return std::string("1024\t0\t9223372036854775807\n"); }
Result<std::string> InodeNumberText(Task&) { return std::string("1024\t0\n"); }

}  // namespace ukrun
