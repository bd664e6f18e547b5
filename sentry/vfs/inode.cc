#include "sentry/vfs/inode.h"

#include "sentry/vfs/attachments.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path.h"

namespace ukrun {

Inode::~Inode() { delete attachments_.load(std::memory_order_acquire); }

Inode::Attachments& Inode::attachments() {
  Attachments* present = attachments_if_any();
  if (present == nullptr) {
    auto fresh = std::make_unique<Attachments>();
    if (attachments_.compare_exchange_strong(present, fresh.get(), std::memory_order_acq_rel)) {
      present = fresh.release();
    }
  }
  return *present;
}

// The defaults are those of a file system that stores nothing: what it does not override
// it does not support, and every directory operation on something else says ENOTDIR.

Result<void> Inode::SetAttributes(const AttributeChange&) { return Fail(EPERM); }

Result<RefPtr<Inode>> Inode::Lookup(std::string_view, std::string_view) {
  return Fail(type() == S_IFDIR ? ENOENT : ENOTDIR);
}

Result<RefPtr<Inode>> Inode::Make(std::string_view, const NewInode&) {
  return Fail(type() == S_IFDIR ? EPERM : ENOTDIR);
}

Result<void> Inode::Link(std::string_view, Inode&) {
  return Fail(type() == S_IFDIR ? EPERM : ENOTDIR);
}

Result<void> Inode::Remove(std::string_view, Inode&) {
  return Fail(type() == S_IFDIR ? EPERM : ENOTDIR);
}

Result<void> Inode::Rename(std::string_view, Inode&, Inode&, std::string_view, Inode*, RenameMode) {
  return Fail(type() == S_IFDIR ? EPERM : ENOTDIR);
}

Result<RefPtr<Inode>> Inode::MakeUnnamed(const NewInode&) { return Fail(EOPNOTSUPP); }

Result<std::string> Inode::ReadLink() { return Fail(EINVAL); }

Result<Path> Inode::FollowMagicLink(Task&) { return Fail(EINVAL); }

Result<RefPtr<File>> Inode::Open(Task&, const Path&, const OpenOptions&) { return Fail(ENXIO); }

Result<std::string> Inode::GetXattr(std::string_view) { return Fail(EOPNOTSUPP); }

Result<void> Inode::SetXattr(std::string_view, std::string_view, XattrMode) {
  return Fail(EOPNOTSUPP);
}

Result<void> Inode::RemoveXattr(std::string_view) { return Fail(EOPNOTSUPP); }

Result<std::vector<std::string>> Inode::ListXattrs() { return std::vector<std::string>(); }

}  // namespace ukrun
