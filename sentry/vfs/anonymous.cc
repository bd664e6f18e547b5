// Objects without a name in the tree, and the numbers that identify file systems and inodes
// of the sandbox's own.
#include <time.h>

#include <atomic>

#include "base/host_call.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {

Path AnonymousPath(std::string name, RefPtr<Inode> inode) {
  return Path{nullptr, Dentry::CreateDetached(std::move(name), std::move(inode))};
}

uint64_t NewDeviceNumber() {
  static constinit std::atomic<uint32_t> last{0};
  return MakeDevice(0, last.fetch_add(1, std::memory_order_relaxed) + 1);
}

uint64_t NewInodeNumber() {
  static constinit std::atomic<uint64_t> last{1};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// As on Linux, the coarse clock: it never runs ahead of time(2).
int64_t FileTimeNow() { return HostClockNs(CLOCK_REALTIME_COARSE); }

}  // namespace ukrun
