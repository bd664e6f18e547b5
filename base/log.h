// The kernel's log: a ring in the region (for panics and crash examination), and, with
// --debug, lines on a host descriptor.
#pragma once

#include <string_view>

#include "base/format.h"

namespace ukrun {

enum class LogLevel { kDebug, kWarning };

// `fd` receives debug lines; -1 for none. Set once at start.
void LogInitialize(int fd);
bool LogDebugEnabled();
void LogLine(LogLevel level, std::string_view text);
// The newest lines of the ring, oldest first. For panic reports.
std::string LogTail(size_t most_bytes);

template <typename... Args>
void LogDebug(std::string_view format, const Args&... args) {
  if (LogDebugEnabled()) {
    LogLine(LogLevel::kDebug, Format(format, args...));
  }
}

template <typename... Args>
void LogWarning(std::string_view format, const Args&... args) {
  LogLine(LogLevel::kWarning, Format(format, args...));
}

}  // namespace ukrun
