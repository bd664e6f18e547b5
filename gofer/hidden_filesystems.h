// Which host file systems do not exist for the sandbox: those by which Linux shows itself
// (proc, sysfs, device nodes, cgroups, ...), wherever they are mounted.
//
// Synchronizes itself. The answer for a device number is remembered; the files of one
// mounted file system share it.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace ukrun::gofer {

class HiddenFilesystems {
 public:
  // Notes which file system the host's /dev is (a devtmpfs calls itself tmpfs).
  HiddenFilesystems();

  // Whether the file system with device number `dev` is hidden. `fd` is a descriptor
  // (O_PATH will do) of something on it.
  bool Hides(uint64_t dev, int fd);
  // The answer, if it is known without a descriptor.
  enum class Known : uint8_t { kUnknown, kVisible, kHidden };
  Known Lookup(uint64_t dev);

 private:
  uint64_t dev_of_devices_ = 0;  // Constant after construction.
  std::mutex lock_;
  std::unordered_map<uint64_t, bool> hidden_;  // Guarded by lock_.
};

}  // namespace ukrun::gofer
