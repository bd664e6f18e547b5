#include "platform/platform.h"
#include "platform/ptrace/ptrace_platform.h"

namespace ukrun {
namespace {

struct Entry {
  std::string_view name;
  Result<std::unique_ptr<Platform>> (*make)(const PlatformOptions& options);
};

constexpr Entry kPlatforms[] = {
    {"ptrace", &MakePtracePlatform},
};

}  // namespace

Result<std::unique_ptr<Platform>> MakePlatform(std::string_view name,
                                               const PlatformOptions& options) {
  for (const Entry& entry : kPlatforms) {
    if (entry.name == name) {
      return entry.make(options);
    }
  }
  return Fail(ENODEV);
}

std::vector<std::string_view> PlatformNames() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kPlatforms) {
    names.push_back(entry.name);
  }
  return names;
}

}  // namespace ukrun
