#include "sentry/fs/host/host_inode.h"

#include <sys/xattr.h>

#include <algorithm>

namespace ukrun {

HostInode::HostInode(HostFileSystem& file_system, const GoferNode& node)
    : file_system_(file_system),
      type_(node.attributes.mode & S_IFMT),
      number_(file_system.InodeNumber(node.attributes.dev, node.attributes.ino)),
      key_(node.attributes) {
  auto state = state_.Lock();
  state->attributes = file_system.Translate(node.attributes);
  state->learned_ns = file_system.Now();
  state->known = true;
  state->handles.push_back(node.handle);
}

HostInode::~HostInode() {
  std::vector<GoferHandle> handles = Handles();
  file_system_.Forget(*this, handles);
  file_system_.descriptors().Drop(this);
  for (GoferHandle handle : handles) {
    client().Release(handle);
  }
}

void HostInode::Learn(const GoferNode& node) {
  Attributes attributes = file_system_.Translate(node.attributes);
  int64_t now = file_system_.Now();
  bool have_it = node.handle == GoferHandle::kNone;
  {
    auto state = state_.Lock();
    state->attributes = attributes;
    state->learned_ns = now;
    state->known = true;
    if (have_it) {
      return;
    }
    auto known = std::find(state->handles.begin(), state->handles.end(), node.handle);
    have_it = known != state->handles.end();
    if (have_it) {
      std::rotate(known, known + 1, state->handles.end());
    } else {
      state->handles.push_back(node.handle);
    }
  }
  if (have_it) {
    client().Release(node.handle);
  }
}

void HostInode::LearnLinkTarget(std::string target) {
  auto state = state_.Lock();
  state->link_target = std::move(target);
  state->link_target_known = true;
}

void HostInode::ForgetAttributes() { state_.Lock()->known = false; }

void HostInode::NoteRemoved() {
  auto state = state_.Lock();
  state->removed = true;
  state->known = false;
  if (type_ == S_IFDIR) {
    state->attributes.link_count = 0;
  } else if (state->attributes.link_count > 0) {
    --state->attributes.link_count;
  }
}

Result<Attributes> HostInode::GetAttributes() {
  Attributes attributes;
  bool removed = false;
  {
    auto state = state_.Lock();
    if (state->known && file_system_.IsFresh(state->learned_ns)) {
      return state->attributes;
    }
    attributes = state->attributes;
    removed = state->removed;
  }
  if (DescribeDirectly(attributes)) {
    file_system_.ShowOwner(attributes);
    state_.Lock()->attributes = attributes;
    return attributes;
  }
  Result<GoferAttributes> answer =
      WithHandle([&](GoferHandle handle) { return client().GetAttributes(handle); });
  if (answer.Is(ESTALE) && removed) {
    return attributes;  // nobody can change it any more but those who have it open
  }
  if (!answer.ok()) {
    return answer.failure();
  }
  Learn(GoferNode{GoferHandle::kNone, *answer});
  return state_.Lock()->attributes;
}

Result<void> HostInode::SetAttributes(const AttributeChange& change) {
  GoferSetAttributes request;
  request.size = change.size.value_or(GoferSetAttributes::kKeepSize);
  request.mode = change.permissions.value_or(GoferSetAttributes::kKeepMode);
  request.owner = file_system_.HostOwner(change.uid.value_or(GoferOwner::kUnchanged),
                                         change.gid.value_or(GoferOwner::kUnchanged));
  if (change.access_time_ns) {
    request.atime = GoferTimeChange{GoferTimeChange::Kind::kSet, *change.access_time_ns};
  }
  if (change.modify_time_ns) {
    request.mtime = GoferTimeChange{GoferTimeChange::Kind::kSet, *change.modify_time_ns};
  }
  GoferAttributes now =
      TRY(WithHandle([&](GoferHandle handle) { return client().SetAttributes(handle, request); }));
  Learn(GoferNode{GoferHandle::kNone, now});
  return Ok();
}

Result<std::string> HostInode::ReadLink() {
  if (type_ != S_IFLNK) {
    return Fail(EINVAL);
  }
  {
    // A symbolic link is never written again: another target is another inode.
    auto state = state_.Lock();
    if (state->link_target_known) {
      return state->link_target;
    }
  }
  std::string target =
      TRY(WithHandle([&](GoferHandle handle) { return client().ReadLink(handle); }));
  LearnLinkTarget(target);
  return target;
}

// --- Extended attributes ----------------------------------------------------------------------

bool HostInode::KnownToHaveNoXattrs() {
  if (file_system_.writable()) {
    return false;
  }
  if (state_.Lock()->without_xattrs) {
    return true;
  }
  Result<std::string> list =
      WithHandle([&](GoferHandle handle) { return client().ListXattr(handle); });
  bool none = list.Is(EOPNOTSUPP) || (list.ok() && list->empty());
  state_.Lock()->without_xattrs = none;
  return none;
}

Result<std::string> HostInode::GetXattr(std::string_view name) {
  if (KnownToHaveNoXattrs()) {
    return Fail(ENODATA);
  }
  return WithHandle([&](GoferHandle handle) { return client().GetXattr(handle, name); });
}

Result<void> HostInode::SetXattr(std::string_view name, std::string_view value, XattrMode mode) {
  uint32_t flags = mode == XattrMode::kCreate    ? XATTR_CREATE
                   : mode == XattrMode::kReplace ? XATTR_REPLACE
                                                 : 0;
  ForgetAttributes();
  return WithHandle(
      [&](GoferHandle handle) { return client().SetXattr(handle, name, value, flags); });
}

Result<void> HostInode::RemoveXattr(std::string_view name) {
  ForgetAttributes();
  return WithHandle([&](GoferHandle handle) { return client().RemoveXattr(handle, name); });
}

Result<std::vector<std::string>> HostInode::ListXattrs() {
  if (KnownToHaveNoXattrs()) {
    return std::vector<std::string>();
  }
  std::string list =
      TRY(WithHandle([&](GoferHandle handle) { return client().ListXattr(handle); }));
  std::vector<std::string> names;
  for (size_t begin = 0; begin < list.size();) {
    size_t end = std::min(list.find('\0', begin), list.size());
    if (end > begin) {
      names.emplace_back(list, begin, end - begin);
    }
    begin = end + 1;
  }
  return names;
}

}  // namespace ukrun
