// Character devices by number. Drivers register at start (before the first task); the VFS
// asks when a device node is opened. Block devices don't exist (ENXIO).
#pragma once

#include <cstdint>

#include "base/ref_ptr.h"
#include "base/result.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

namespace ukrun {

class Task;

// `path` is the node's; path.dentry->inode()->GetAttributes() tells its number where one
// driver serves several.
using DeviceOpener = Result<RefPtr<File>> (*)(Task& task, const Path& path,
                                              const OpenOptions& options);

// One driver for every minor number of a major.
inline constexpr uint32_t kAnyMinor = UINT32_MAX;

// A later registration of the same numbers replaces the earlier one.
void RegisterCharacterDevice(uint32_t major, uint32_t minor, DeviceOpener opener);
// An exact minor goes before kAnyMinor. Errors: ENXIO.
Result<DeviceOpener> FindCharacterDevice(uint64_t device);

}  // namespace ukrun
