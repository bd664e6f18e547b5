// Inodes of host files: attributes, symbolic links, extended attributes. Also what fifos,
// sockets and devices are; directories and regular files have classes of their own.
#pragma once

#include <string>
#include <vector>

#include "base/locked.h"
#include "gofer/types.h"
#include "sentry/fs/host/host_file_key.h"
#include "sentry/fs/host/host_file_system.h"
#include "sentry/fs/overlay/lower_inode.h"

namespace ukrun {

class HostInode : public LowerInode {
 public:
  HostInode(HostFileSystem& file_system, const GoferNode& node);
  ~HostInode() override;

  FileSystem& file_system() override { return file_system_; }
  uint32_t type() const override { return type_; }
  uint64_t number() const { return number_; }
  Result<Attributes> GetAttributes() override;
  Result<void> SetAttributes(const AttributeChange& change) override;
  Result<std::string> ReadLink() override;

  Result<std::string> GetXattr(std::string_view name) override;
  Result<void> SetXattr(std::string_view name, std::string_view value, XattrMode mode) override;
  Result<void> RemoveXattr(std::string_view name) override;
  Result<std::vector<std::string>> ListXattrs() override;

  // The gofer told more about it. Takes over the handle; it may be one already known.
  void Learn(const GoferNode& node);
  void LearnLinkTarget(std::string target);
  // Something was done to it that changes its attributes.
  void ForgetAttributes();
  // Forgets the handles without giving them back to the gofer.
  void DropHandles() { state_.Lock()->handles.clear(); }
  const HostFileKey& key() const { return key_; }
  // One of its names was removed.
  void NoteRemoved();

  // Runs call(handle) with its handles, the newest first, until one is not stale. A file
  // with several names has several, and each may lose its name.
  template <typename Call>
  auto WithHandle(Call call) -> decltype(call(GoferHandle())) {
    decltype(call(GoferHandle())) result = Fail(ESTALE);
    std::vector<GoferHandle> handles = Handles();
    for (auto it = handles.rbegin(); it != handles.rend() && result.Is(ESTALE); ++it) {
      result = call(*it);
    }
    return result;
  }

 protected:
  HostFileSystem& host() { return file_system_; }
  GoferClient& client() { return file_system_.client(); }
  // What the host says now, if that can be had without asking the gofer.
  virtual bool DescribeDirectly(Attributes&) { return false; }

 private:
  struct State {
    Attributes attributes;
    int64_t learned_ns = 0;  // 0 with `known` false: ask again
    bool known = false;
    bool removed = false;
    std::string link_target;
    bool link_target_known = false;
    bool without_xattrs = false;  // known only in trees that stand still
    std::vector<GoferHandle> handles;
  };
  // Most files have no extended attributes, and yet are often asked for some.
  bool KnownToHaveNoXattrs();
  std::vector<GoferHandle> Handles() const { return state_.Lock()->handles; }

  // Constant after construction.
  HostFileSystem& file_system_;
  const uint32_t type_;
  const uint64_t number_;
  const HostFileKey key_;

  mutable Locked<State, LockRank::kInode> state_;
};

}  // namespace ukrun
