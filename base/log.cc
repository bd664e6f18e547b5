#include "base/log.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/host_call.h"
#include "base/mutex.h"

namespace ukrun {
namespace {

struct Ring {
  constexpr Ring() = default;
  Mutex lock{LockRank::kLog};
  std::array<char, 64 * 1024> bytes = {};
  size_t written = 0;
};
constinit Ring g_ring;
constinit int g_fd = -1;

}  // namespace

void LogInitialize(int fd) { g_fd = fd; }

bool LogDebugEnabled() { return g_fd >= 0; }

void LogLine(LogLevel level, std::string_view text) {
  std::string line(level == LogLevel::kDebug ? "ukrun: " : "ukrun: warning: ");
  line.append(text);
  line.push_back('\n');
  {
    MutexGuard guard(g_ring.lock);
    for (char c : line) {
      g_ring.bytes[g_ring.written++ % g_ring.bytes.size()] = c;
    }
  }
  if (g_fd >= 0) {
    HostWriteAll(g_fd, line.data(), line.size());
  }
}

std::string LogTail(size_t most_bytes) {
  MutexGuard guard(g_ring.lock);
  size_t size = std::min({g_ring.written, g_ring.bytes.size(), most_bytes});
  std::string out;
  for (size_t i = g_ring.written - size; i < g_ring.written; ++i) {
    out.push_back(g_ring.bytes[i % g_ring.bytes.size()]);
  }
  return out;
}

}  // namespace ukrun
