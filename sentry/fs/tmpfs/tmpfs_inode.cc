#include "sentry/fs/tmpfs/tmpfs_inode.h"

#include "sentry/fs/tmpfs/tmpfs_directory.h"
#include "sentry/fs/tmpfs/tmpfs_regular.h"
#include "sentry/vfs/attribute_change.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

// relatime: once a day is enough, unless it was changed since it was last read.
constexpr int64_t kRelatimeNs = int64_t{24} * 3600 * 1'000'000'000;

}  // namespace

Result<RefPtr<TmpfsInode>> TmpfsInode::Create(TmpfsFileSystem& file_system, const NewInode& what) {
  RefPtr<TmpfsInode> inode;
  TRY(file_system.ChargeInode());
  switch (what.mode & S_IFMT) {
    case S_IFREG:
      inode = RefPtr<TmpfsInode>::Adopt(new TmpfsRegular(file_system, what));
      break;
    case S_IFDIR:
      inode = RefPtr<TmpfsInode>::Adopt(new TmpfsDirectory(file_system, what));
      break;
    case S_IFLNK:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
      inode = RefPtr<TmpfsInode>::Adopt(new TmpfsInode(file_system, what));
      break;
    default:
      file_system.ReleaseInode();
      return Fail(EINVAL);
  }
  return inode;
}

TmpfsInode::TmpfsInode(TmpfsFileSystem& file_system, const NewInode& what)
    : file_system_(file_system),
      type_(what.mode & S_IFMT),
      number_(file_system.first_inode_number() + NewInodeNumber()),
      symlink_target_(what.symlink_target) {
  Attributes& attributes = state_.Lock()->attributes;
  attributes.device = file_system.device();
  attributes.inode_number = number_;
  attributes.mode = what.mode;
  attributes.link_count = 0;
  attributes.uid = what.uid;
  attributes.gid = what.gid;
  attributes.special_device = what.special_device;
  attributes.birth_time_ns = FileTimeNow();
  attributes.access_time_ns = attributes.birth_time_ns;
  attributes.modify_time_ns = attributes.birth_time_ns;
  attributes.change_time_ns = attributes.birth_time_ns;
}

TmpfsInode::~TmpfsInode() {
  state_.Lock()->xattrs.Clear(file_system_.budget());
  file_system_.ReleaseInode();
}

Result<Attributes> TmpfsInode::GetAttributes() {
  Attributes attributes = state_.Lock()->attributes;
  DescribeContents(attributes);
  return attributes;
}

void TmpfsInode::DescribeContents(Attributes& attributes) {
  attributes.size = symlink_target_.size();
}

Result<void> TmpfsInode::SetSize(uint64_t) { return Fail(EINVAL); }

Result<void> TmpfsInode::SetAttributes(const AttributeChange& change) {
  TRY(CheckChange(change));
  if (change.size) {
    TRY(SetSize(*change.size));
  }
  auto state = state_.Lock();
  ApplyChange(state->attributes, change);
  if (change.size && !change.modify_time_ns) {
    state->attributes.modify_time_ns = state->attributes.change_time_ns;
  }
  return Ok();
}

Result<std::string> TmpfsInode::ReadLink() {
  if (type_ != S_IFLNK) {
    return Fail(EINVAL);
  }
  Accessed();
  return symlink_target_;
}

// --- Extended attributes --------------------------------------------------------------------

Result<std::string> TmpfsInode::GetXattr(std::string_view name) {
  return state_.Lock()->xattrs.Get(name);
}

Result<void> TmpfsInode::SetXattr(std::string_view name, std::string_view value, XattrMode mode) {
  auto state = state_.Lock();
  TRY(state->xattrs.Set(name, value, mode, file_system_.budget()));
  state->attributes.change_time_ns = FileTimeNow();
  return Ok();
}

Result<void> TmpfsInode::RemoveXattr(std::string_view name) {
  auto state = state_.Lock();
  TRY(state->xattrs.Remove(name, file_system_.budget()));
  state->attributes.change_time_ns = FileTimeNow();
  return Ok();
}

Result<std::vector<std::string>> TmpfsInode::ListXattrs() { return state_.Lock()->xattrs.List(); }

// --- Bookkeeping ----------------------------------------------------------------------------

void TmpfsInode::ChangeLinkCount(int32_t delta) {
  auto state = state_.Lock();
  state->attributes.link_count += static_cast<uint32_t>(delta);
  state->attributes.change_time_ns = FileTimeNow();
}

void TmpfsInode::AdjustLinkCount(int32_t delta) {
  state_.Lock()->attributes.link_count += static_cast<uint32_t>(delta);
}

void TmpfsInode::ContentsChanged() {
  auto state = state_.Lock();
  state->attributes.change_time_ns = FileTimeNow();
  state->attributes.modify_time_ns = state->attributes.change_time_ns;
}

void TmpfsInode::Accessed() {
  auto state = state_.Lock();
  Attributes& attributes = state->attributes;
  int64_t now = FileTimeNow();
  if (attributes.access_time_ns <= attributes.modify_time_ns ||
      attributes.access_time_ns <= attributes.change_time_ns ||
      now - attributes.access_time_ns >= kRelatimeNs) {
    attributes.access_time_ns = now;
  }
}

void TmpfsInode::AdoptAttributes(const Attributes& from) {
  auto state = state_.Lock();
  uint64_t device = state->attributes.device;
  state->attributes = from;
  state->attributes.device = device;
}

}  // namespace ukrun
