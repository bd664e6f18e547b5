// Tree: what the gofer does with host files, in terms of nodes. The service (service.h)
// turns messages into calls of it.
//
// Every function may be called by several threads at once, with arguments that a hostile
// Sentry chose. Two rules hold everywhere:
//   - a name is looked at by LookUp before anything else is done with it, so what is hidden
//     does not exist;
//   - a file is opened for others only through an O_PATH descriptor that is known to be a
//     regular file, so no fifo, device or socket is ever opened.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/directory_streams.h"
#include "gofer/hiding.h"
#include "gofer/host_batch.h"
#include "gofer/host_files.h"
#include "gofer/node_table.h"
#include "gofer/types.h"

namespace ukrun::gofer {

// A tree of the host that the sandbox was given.
struct Attachment {
  std::string host_path;
  bool writable = false;
  bool takes_hidden_names = false;
  // False: it could not be opened, or is hidden; `error` says why.
  int error = 0;
  NodeRef root;
};

struct AttachOptions {
  std::string host_path;
  bool writable = false;
  // New files may get hidden names. What has one already stays hidden.
  bool takes_hidden_names = false;
};

struct Owner {
  uid_t uid = static_cast<uid_t>(-1);  // -1: as the host has it
  gid_t gid = static_cast<gid_t>(-1);
};

class Tree {
 public:
  // Opens the attach points, which must be done before the process gives up its rights.
  // `proc_fds` is an O_PATH descriptor of /proc/self/fd.
  Tree(std::unique_ptr<Hiding> hiding, HostFd proc_fds, size_t most_descriptors);
  void AddAttachment(const AttachOptions& options);
  // A directory in which hidden files may have other names, beside the attach points.
  void AddSearchedTree(const std::string& host_path);
  const std::vector<std::unique_ptr<Attachment>>& attachments() const { return attachments_; }
  Hiding& hiding() { return *hiding_; }
  NodeTable& nodes() { return nodes_; }
  HostBatch& batch() { return batch_; }

  Result<GoferNode> Attach(uint32_t index);
  void Release(uint64_t handle) { nodes_.Release(handle); }
  enum class OpenLast : uint8_t { kNo, kForReading };
  Result<GoferWalk> Walk(uint64_t from, std::span<const std::string_view> names,
                         OpenLast open_last);
  Result<GoferAttributes> GetAttributes(uint64_t handle);
  Result<GoferStatFs> StatFs(uint64_t handle);
  Result<std::string> ReadLink(uint64_t handle);

  // tree_open.cc
  Result<GoferOpened> Open(uint64_t handle, GoferOpenOptions options);
  std::vector<GoferOpenAnswer> OpenMany(std::span<const GoferOpenRequest> requests);

  // tree_directory.cc. A page holds what fits into about `most_bytes` of a message.
  enum class WithHandles : uint8_t { kNo, kYes };
  Result<GoferDirPage> ReadDirectory(uint64_t directory, uint64_t cookie, WithHandles with_handles,
                                     size_t most_bytes);

  // tree_change.cc
  Result<GoferCreated> Create(uint64_t directory, std::string_view name, uint32_t mode,
                              GoferOpenOptions options, Owner owner);
  Result<GoferNode> MakeDirectory(uint64_t directory, std::string_view name, uint32_t mode,
                                  Owner owner);
  Result<GoferNode> MakeFifo(uint64_t directory, std::string_view name, uint32_t mode, Owner owner);
  Result<GoferNode> MakeSymlink(uint64_t directory, std::string_view name, std::string_view target,
                                Owner owner);
  Result<GoferNode> MakeLink(uint64_t file, uint64_t directory, std::string_view name);
  // Errors: EACCES when a new file of this mode could not have the name, as that is hidden.
  Result<void> CheckName(uint64_t directory, std::string_view name, uint32_t mode);
  Result<void> Unlink(uint64_t directory, std::string_view name);
  Result<void> RemoveDirectory(uint64_t directory, std::string_view name);
  Result<void> Rename(uint64_t old_directory, std::string_view old_name, uint64_t new_directory,
                      std::string_view new_name, uint32_t flags);

  // tree_attributes.cc
  Result<GoferAttributes> SetAttributes(uint64_t handle, const GoferSetAttributes& change);
  Result<std::string> GetXattr(uint64_t handle, std::string_view name);
  Result<void> SetXattr(uint64_t handle, std::string_view name, std::string_view value,
                        uint32_t flags);
  Result<std::string> ListXattr(uint64_t handle);
  Result<void> RemoveXattr(uint64_t handle, std::string_view name);

 private:
  // A directory in which a call looks up or changes names.
  struct Directory {
    NodeRef node;
    SharedFd fd;
  };
  Result<Directory> FindDirectory(uint64_t handle);
  Result<Directory> FindWritableDirectory(uint64_t handle);
  Result<NodeRef> FindWritable(uint64_t handle);

  // The attributes of an entry; ENOENT when it is hidden.
  Result<GoferAttributes> LookUp(const Directory& directory, std::string_view name);
  // A file was met in the directory, which may be another name of a hidden one.
  void SearchForOtherNames(const Directory& directory, const GoferAttributes& attributes);
  bool OnHiddenFilesystem(const Directory& directory, const CName& name,
                          const GoferAttributes& attributes);
  Result<void> WalkOnce(NodeRef from, std::span<const std::string_view> names, OpenLast open_last,
                        GoferWalk& walk);

  // Opens the inode behind an O_PATH descriptor again, with `flags`.
  Result<HostFd> OpenAgain(int fd, int flags);
  Result<GoferAttributes> CheckOpened(int fd, GoferOpenOptions options);
  Result<int> OpenFlags(const Node& node, GoferOpenOptions options);

  // Whether a new entry of this type may get this name, and what an EEXIST means then.
  Result<void> CheckNewName(const Directory& directory, std::string_view name, uint32_t type);
  // Whether there is a file of this name which is hidden.
  bool IsTakenInSecret(const Directory& directory, std::string_view name);
  Failure ExistingName(const Directory& directory, std::string_view name, int error);
  Result<GoferNode> Created(const Directory& directory, std::string_view name, uint32_t type,
                            Owner owner);
  Result<void> Remove(uint64_t directory, std::string_view name, int flags);
  Result<void> CheckRename(const Directory& from, std::string_view name, const Directory& to,
                           std::string_view new_name);

  std::unique_ptr<Hiding> hiding_;
  HostFd proc_fds_;
  NodeTable nodes_;  // Synchronizes itself.
  // Constant once calls come. Below the table that their roots are in.
  std::vector<std::unique_ptr<Attachment>> attachments_;
  DirectoryStreams streams_;  // Synchronizes itself.
  HostBatch batch_;           // Synchronizes itself.
};

}  // namespace ukrun::gofer
