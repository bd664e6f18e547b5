#include "sentry/fs/dev/memory_devices.h"

#include <linux/random.h>

#include <algorithm>

#include "sentry/fs/dev/host_random.h"
#include "sentry/mm/guest_io.h"
#include "sentry/mm/memory_object.h"
#include "sentry/mm/page_pool.h"
#include "sentry/task/task.h"
#include "sentry/vfs/device_registry.h"
#include "sentry/vfs/file.h"

namespace ukrun {
namespace {

constexpr uint32_t kMemoryMajor = 1;

// What the five have in common: no position worth the name, and inodes without a size.
class MemoryDevice : public File {
 public:
  using File::File;

  // As on Linux (null_lseek), every seek succeeds and leads to the beginning.
  Result<int64_t> Seek(int64_t, int) override { return int64_t{0}; }
  Result<size_t> ReadAt(GuestIo& io, int64_t) override { return Read(io); }
  Result<size_t> WriteAt(GuestIo& io, int64_t) override { return Write(io); }
};

class NullDevice : public MemoryDevice {
 public:
  using MemoryDevice::MemoryDevice;
  Result<size_t> Read(GuestIo&) override { return size_t{0}; }
  // The buffer is not even looked at: a bad pointer goes unnoticed, as on Linux.
  Result<size_t> Write(GuestIo& io) override {
    size_t size = io.size();
    io.Truncate(0);
    return size;
  }
};

class ZeroDevice final : public NullDevice {
 public:
  using NullDevice::NullDevice;
  Result<size_t> Read(GuestIo& io) override { return io.StoreZeros(io.size()); }
  // Each mapping is memory of its own: shared ones with children only, as if anonymous.
  Result<RefPtr<Mappable>> GetMappable() override {
    return RefPtr<Mappable>(MakeRef<MemoryObject>(PageFloor(MemoryObject::kLargestSize), nullptr));
  }
};

class FullDevice final : public NullDevice {
 public:
  using NullDevice::NullDevice;
  Result<size_t> Read(GuestIo& io) override { return io.StoreZeros(io.size()); }
  Result<size_t> Write(GuestIo&) override { return Fail(ENOSPC); }
};

// random(4). The host's generator never blocks once it is seeded, so both devices are one;
// but only /dev/random can be polled by epoll, as on Linux.
class RandomDevice final : public MemoryDevice {
 public:
  RandomDevice(const Path& path, const OpenOptions& options, bool pollable)
      : MemoryDevice(path, options), pollable_(pollable) {}

  Result<size_t> Read(GuestIo& io) override {
    char piece[kPieceBytes];
    size_t done = 0;
    while (io.size() > 0) {
      size_t count = std::min(sizeof(piece), io.size());
      FillRandom(piece, count);
      Result<size_t> stored = io.Store(piece, count);
      if (!stored.ok()) {
        return done > 0 ? Result<size_t>(done) : stored;
      }
      done += *stored;
      if (*stored < count) {
        break;
      }
    }
    return done;
  }

  // Anybody may stir the pool. It is the host's, which needs none of it; but the buffer is
  // read, so that bad pointers are found.
  Result<size_t> Write(GuestIo& io) override {
    char piece[kPieceBytes];
    size_t done = 0;
    while (io.size() > 0) {
      Result<size_t> loaded = io.Load(piece, std::min(sizeof(piece), io.size()));
      if (!loaded.ok()) {
        return done > 0 ? Result<size_t>(done) : loaded;
      }
      done += *loaded;
    }
    return done;
  }

  Result<int64_t> Ioctl(Task& task, uint32_t request, GuestAddr argument) override {
    constexpr int32_t kPoolBits = 256;
    switch (request) {
      case RNDGETENTCNT:
        TRY(task.memory().Write(argument, &kPoolBits, sizeof(kPoolBits)));
        return int64_t{0};
      case RNDADDTOENTCNT:
      case RNDADDENTROPY:
      case RNDZAPENTCNT:
      case RNDCLEARPOOL:
      case RNDRESEEDCRNG:
        return task.credentials().Has(Capability::kSysAdmin) ? Result<int64_t>(0) : Fail(EPERM);
      default:
        return Fail(EINVAL);
    }
  }

  WaitQueue* waiters() override { return pollable_ ? &never_ : nullptr; }

 private:
  static constexpr size_t kPieceBytes = 1024;

  const bool pollable_;
  WaitQueue never_;  // always ready
};

template <typename Device>
Result<RefPtr<File>> OpenMemoryDevice(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<Device>(path, options));
}

template <bool kPollable>
Result<RefPtr<File>> OpenRandomDevice(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<RandomDevice>(path, options, kPollable));
}

}  // namespace

void RegisterMemoryDevices() {
  RegisterCharacterDevice(kMemoryMajor, 3, &OpenMemoryDevice<NullDevice>);
  RegisterCharacterDevice(kMemoryMajor, 5, &OpenMemoryDevice<ZeroDevice>);
  RegisterCharacterDevice(kMemoryMajor, 7, &OpenMemoryDevice<FullDevice>);
  RegisterCharacterDevice(kMemoryMajor, 8, &OpenRandomDevice<true>);
  RegisterCharacterDevice(kMemoryMajor, 9, &OpenRandomDevice<false>);
}

}  // namespace ukrun
