// What all inodes of tmpfs have in common: attributes, times, link counts, extended
// attributes. Symbolic links, fifos, sockets and device nodes are nothing more.
#pragma once

#include <string>

#include "base/locked.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/fs/tmpfs/xattr_store.h"
#include "sentry/vfs/inode.h"

namespace ukrun {

class TmpfsInode : public Inode {
 public:
  // Makes an inode with the link count 0, with the class that its type needs.
  // Errors: ENOSPC when there are too many inodes; EINVAL for an unknown type.
  static Result<RefPtr<TmpfsInode>> Create(TmpfsFileSystem& file_system, const NewInode& what);
  ~TmpfsInode() override;

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

  // A name more or less refers to it. The change time becomes now.
  void ChangeLinkCount(int32_t delta);
  uint32_t link_count() const { return state_.Lock()->attributes.link_count; }
  // For the overlay: the same, without a trace in the times.
  void AdjustLinkCount(int32_t delta);
  // The contents have changed; they were read (relatime, as Linux mounts it).
  void ContentsChanged();
  void Accessed();
  // For the overlay: takes over what a file below had.
  void AdoptAttributes(const Attributes& from);

 protected:
  // The caller has charged for it.
  TmpfsInode(TmpfsFileSystem& file_system, const NewInode& what);

  TmpfsFileSystem& tmpfs() { return file_system_; }

  // Size and blocks, as the type has them.
  virtual void DescribeContents(Attributes& attributes);
  virtual Result<void> SetSize(uint64_t size);
  virtual Result<void> CheckChange(const AttributeChange&) { return Ok(); }

 private:
  struct State {
    Attributes attributes;
    XattrStore xattrs;
  };

  // Constant after construction. Whoever holds an inode holds its file system too, through
  // the mount of a path.
  TmpfsFileSystem& file_system_;
  const uint32_t type_;
  const uint64_t number_;
  const std::string symlink_target_;

  mutable Locked<State, LockRank::kInode> state_;
};

}  // namespace ukrun
