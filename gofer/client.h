// GoferClient: how the Sentry reaches host files. Kernel code; used by the host file system.
//
// Every method is one round trip to the gofer (two host calls when both sides are awake) and
// blocks until it is answered; any number of kernel threads may call at once. Errors are the
// errno that the host gave, or:
//   ESTALE  the file behind a handle was replaced or removed on the host
//   EROFS   the attach point is read-only (said by the gofer, not by the host)
//   EACCES  a change would create a hidden name; or a device was to be opened
//   EXDEV   a rename would take a hidden path out of hiding, or leaves its attach point
//   EIO     the gofer is gone or talks nonsense. This is final, for all calls.
// The gofer is not trusted: an answer that makes no sense breaks the connection.
//
// Not here: caching (the host file system does that), path resolution, permission checks.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/types.h"

namespace ukrun {

class GoferChannel;

class GoferClient {
 public:
  // Called once, by the thread that notices, with no lock of the client's held. `reason` says
  // what happened.
  using BrokenHandler = void (*)(std::string_view reason);
  enum class OpenLast : uint8_t { kNo, kForReading };
  enum class WithHandles : uint8_t { kNo, kYes };

  // `channel_fd` is the memory that gofer/channel.h describes, `socket_fd` the SEQPACKET
  // socket to the gofer; both stay open and belong to the client from now on. The memory is
  // mapped at `map_at` (gofer::kChannelBytes of free address space, page aligned), or
  // anywhere when it is null.
  static Result<std::unique_ptr<GoferClient>> Create(int channel_fd, int socket_fd, void* map_at,
                                                     BrokenHandler on_broken = nullptr);
  ~GoferClient();
  GoferClient(const GoferClient&) = delete;
  GoferClient& operator=(const GoferClient&) = delete;

  // The root of an attach point: an index into GoferConfig.attach.
  Result<GoferNode> Attach(uint32_t index);

  // Walks at most kMaxWalkNames names from a directory. Names are single components; "." and
  // ".." are refused (EINVAL). Fails only when nothing at all could be said (ESTALE, EIO,
  // ENOTDIR: `from` is no directory); otherwise see GoferWalk.
  static constexpr size_t kMaxWalkNames = 64;
  Result<GoferWalk> Walk(GoferHandle from, std::span<const std::string_view> names,
                         OpenLast open_last = OpenLast::kNo);

  Result<GoferAttributes> GetAttributes(GoferHandle handle);
  Result<GoferAttributes> SetAttributes(GoferHandle handle, const GoferSetAttributes& change);

  // Regular files only: EISDIR, ELOOP (symlink), ENXIO (fifo), EACCES (device).
  Result<GoferOpened> Open(GoferHandle handle, GoferOpenOptions options);
  // At most kMaxBatch requests in one round trip; one answer for each.
  static constexpr size_t kMaxBatch = 64;
  Result<std::vector<GoferOpenAnswer>> OpenMany(std::span<const GoferOpenRequest> requests);

  // These fail with EEXIST when the name is taken. Modes are final: no umask is applied.
  Result<GoferCreated> Create(GoferHandle directory, std::string_view name, uint32_t mode,
                              GoferOpenOptions options, GoferOwner owner = {});
  Result<GoferNode> MakeDirectory(GoferHandle directory, std::string_view name, uint32_t mode,
                                  GoferOwner owner = {});
  Result<GoferNode> MakeFifo(GoferHandle directory, std::string_view name, uint32_t mode,
                             GoferOwner owner = {});
  Result<GoferNode> MakeSymlink(GoferHandle directory, std::string_view name,
                                std::string_view target, GoferOwner owner = {});
  Result<GoferNode> MakeLink(GoferHandle file, GoferHandle directory, std::string_view name);
  // Whether a file of this type (S_IFMT bits of `mode`) cannot be made because the name is
  // hidden: the reason of an EACCES.
  Result<bool> HidesName(GoferHandle directory, std::string_view name, uint32_t mode);

  Result<void> Unlink(GoferHandle directory, std::string_view name);
  Result<void> RemoveDirectory(GoferHandle directory, std::string_view name);
  // `flags`: RENAME_NOREPLACE or RENAME_EXCHANGE. Handles of what was renamed follow it.
  Result<void> Rename(GoferHandle old_directory, std::string_view old_name,
                      GoferHandle new_directory, std::string_view new_name, uint32_t flags);

  Result<std::string> ReadLink(GoferHandle handle);
  // One page of a directory, from `cookie` (0: the beginning).
  Result<GoferDirPage> ReadDirectory(GoferHandle directory, uint64_t cookie,
                                     WithHandles with_handles = WithHandles::kNo);
  Result<GoferStatFs> StatFs(GoferHandle handle);

  Result<std::string> GetXattr(GoferHandle handle, std::string_view name);
  // `flags`: XATTR_CREATE, XATTR_REPLACE.
  Result<void> SetXattr(GoferHandle handle, std::string_view name, std::string_view value,
                        uint32_t flags);
  // Names, each ended by a NUL.
  Result<std::string> ListXattr(GoferHandle handle);
  Result<void> RemoveXattr(GoferHandle handle, std::string_view name);

  // Gives a handle back once. Batched: nearly always without a round trip.
  void Release(GoferHandle handle);

  // True once the connection is broken for good.
  bool broken() const;
  // Becomes ready (POLLHUP) when the gofer dies; for whoever wants to know before the next
  // call does. Call NoticeEnd() then.
  int socket_fd() const;
  void NoticeEnd();

 private:
  struct Impl;
  explicit GoferClient(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  GoferChannel& channel_;
};

}  // namespace ukrun
