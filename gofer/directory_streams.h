// Open directories between two pages of one listing.
//
// A page could always be read by opening the directory and seeking to the cookie. But some
// file systems (overlayfs) read the whole directory to be able to seek in it, which would make
// reading a large directory quadratic. So the descriptor that read a page waits here for the
// call that wants the next.
//
// Synchronizes itself.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>

#include "base/host_fd.h"
#include "base/result.h"

namespace ukrun::gofer {

class DirectoryStreams {
 public:
  // A descriptor of the directory whose next entry is the one behind `cookie`. `directory`
  // is an O_PATH descriptor of it. Cookie 0 is always opened anew, to see new entries.
  Result<HostFd> Take(uint64_t handle, int directory, uint64_t cookie);
  // Keeps a descriptor that Take gave and that has been read up to `cookie`.
  void GiveBack(uint64_t handle, uint64_t cookie, HostFd fd);

 private:
  static constexpr size_t kMostStreams = 64;
  struct Stream {
    uint64_t handle;
    uint64_t cookie;
    HostFd fd;
  };

  std::mutex lock_;
  std::list<Stream> streams_;  // Guarded by lock_; the oldest first.
};

}  // namespace ukrun::gofer
