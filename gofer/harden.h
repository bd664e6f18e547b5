// What the gofer gives up before it answers its first request, each a small function.
//
// Namespaces are not among them: ukrun makes the gofer's process in new ones where the host
// permits that without changing whose files it sees (ukrun/namespaces.h), and takes away the
// capabilities that it would need to make its own.
//
// Order: Landlock before the threads (it holds for the calling thread and those that it
// starts), the filter last (it reaches all threads, and allows none of the other steps).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace ukrun::gofer {

// Ends with the parent, leaves no core file, can't be traced, gains no rights by exec.
Result<void> TieToParent();
// Closes every descriptor above `last`.
void CloseDescriptorsAbove(int last);

enum class Changes : uint8_t { kNone, kAllowed };

// Keeps, of the capabilities that there are, those that reach other people's files; fewer
// when nothing will be changed.
Result<void> KeepFileCapabilitiesOnly(Changes changes);

// harden_landlock_unsafe.cc. A tree, or a single file, that stays reachable.
struct LandlockRule {
  int fd = -1;  // O_PATH
  bool is_directory = true;
  enum class Access : uint8_t { kListOnly, kRead, kReadAndChange };
  Access access = Access::kRead;
};
// False when the host has no Landlock; an error when it has, but refuses.
Result<bool> RestrictPaths(std::span<const LandlockRule> rules);

// harden_filter.cc. Allows the calls that answering requests needs, to all threads; any
// other ends the process.
Result<void> InstallFilter(Changes changes);

}  // namespace ukrun::gofer
