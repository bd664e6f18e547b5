#include "gofer/debug_log.h"

#include <string>

#include "base/host_call.h"

namespace ukrun::gofer {
namespace {
std::atomic<bool> g_enabled{false};
}

void EnableDebugLog() { g_enabled.store(true); }

void DebugLog(std::string_view line) {
  if (g_enabled.load(std::memory_order_relaxed)) {
    std::string text = "ukrun-gofer: " + std::string(line) + "\n";
    HostWriteAll(2, text.data(), text.size());
  }
}

}  // namespace ukrun::gofer
