#include "gofer/directory_streams.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gofer/host_files.h"

namespace ukrun::gofer {

Result<HostFd> DirectoryStreams::Take(uint64_t handle, int directory, uint64_t cookie) {
  if (cookie == 0) {
    return OpenDirectory(directory);
  }
  {
    std::lock_guard guard(lock_);
    auto it = std::find_if(streams_.begin(), streams_.end(), [&](const Stream& stream) {
      return stream.handle == handle && stream.cookie == cookie;
    });
    if (it != streams_.end()) {
      HostFd fd = std::move(it->fd);
      streams_.erase(it);
      return fd;
    }
  }
  HostFd fd = TRY(OpenDirectory(directory));
  // A hostile cookie finds entries of this directory or nothing.
  if (lseek(fd.get(), static_cast<off_t>(cookie), SEEK_SET) < 0) {
    return Fail(EINVAL);
  }
  return fd;
}

void DirectoryStreams::GiveBack(uint64_t handle, uint64_t cookie, HostFd fd) {
  HostFd dropped;  // closed when the lock is free again
  std::lock_guard guard(lock_);
  streams_.push_back(Stream{handle, cookie, std::move(fd)});
  if (streams_.size() > kMostStreams) {
    dropped = std::move(streams_.front().fd);
    streams_.pop_front();
  }
}

}  // namespace ukrun::gofer
