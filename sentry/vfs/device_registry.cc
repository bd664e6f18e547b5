#include "sentry/vfs/device_registry.h"

#include "base/check.h"
#include "base/mutex.h"
#include "sentry/vfs/attributes.h"

namespace ukrun {
namespace {

struct Driver {
  uint32_t major = 0;
  uint32_t minor = 0;
  DeviceOpener opener = nullptr;
};

constexpr size_t kMaxDrivers = 64;
constinit Driver drivers[kMaxDrivers] = {};
constinit size_t driver_count = 0;
constinit Mutex drivers_lock(LockRank::kFileObject);

Driver* FindLocked(uint32_t major, uint32_t minor) {
  for (size_t i = 0; i < driver_count; ++i) {
    if (drivers[i].major == major && drivers[i].minor == minor) {
      return &drivers[i];
    }
  }
  return nullptr;
}

}  // namespace

void RegisterCharacterDevice(uint32_t major, uint32_t minor, DeviceOpener opener) {
  MutexGuard guard(drivers_lock);
  if (Driver* driver = FindLocked(major, minor)) {
    driver->opener = opener;
    return;
  }
  UKRUN_CHECK(driver_count < kMaxDrivers);
  drivers[driver_count++] = Driver{major, minor, opener};
}

Result<DeviceOpener> FindCharacterDevice(uint64_t device) {
  MutexGuard guard(drivers_lock);
  uint32_t major = DeviceMajor(device);
  Driver* driver = FindLocked(major, DeviceMinor(device));
  if (driver == nullptr) {
    driver = FindLocked(major, kAnyMinor);
  }
  return driver == nullptr ? Result<DeviceOpener>(Fail(ENXIO)) : driver->opener;
}

}  // namespace ukrun
