#include "sentry/fs/overlay/overlay_inode.h"

#include "sentry/fs/overlay/overlay_directory.h"

namespace ukrun {
namespace {

// Some tools take a directory of size 0 for a broken one.
constexpr uint64_t kDirectoryBytes = 4096;

}  // namespace

OverlayInode::OverlayInode(OverlayFileSystem& file_system, RefPtr<LowerInode> lower,
                           RefPtr<TmpfsInode> upper, uint64_t number, OverlayDirectory* parent,
                           std::string_view name)
    : file_system_(file_system),
      lower_(std::move(lower)),
      type_(lower_ ? lower_->type() : upper->type()),
      number_(number),
      changed_(!lower_) {
  auto state = state_.Lock();
  state->upper = std::move(upper);
  state->parent = RefPtr<OverlayDirectory>::Share(parent);
  state->name = name;
}

OverlayInode::~OverlayInode() {
  if (linked_) {
    file_system_.ForgetLinked(*this);
  }
}

// --- Attributes -------------------------------------------------------------------------------

Result<Attributes> OverlayInode::GetAttributes() {
  RefPtr<TmpfsInode> above;
  int32_t link_delta = 0;
  {
    auto state = state_.Lock();
    above = state->upper;
    link_delta = state->link_delta;
  }
  Attributes attributes;
  if (above) {
    attributes = TRY(above->GetAttributes());
  } else {
    attributes = TRY(lower_->GetAttributes());
    attributes.link_count += static_cast<uint32_t>(link_delta);
  }
  TRY(DescribeContents(attributes));
  if (type_ == S_IFDIR) {
    attributes.size = kDirectoryBytes;
    // Some file systems don't count subdirectories; half a count would mislead find(1).
    if (lower_ && attributes.link_count > 1 && TRY(lower_->GetAttributes()).link_count == 1) {
      attributes.link_count = 1;
    }
  }
  attributes.device = file_system_.device();
  attributes.inode_number = number_;
  return attributes;
}

Result<void> OverlayInode::SetAttributes(const AttributeChange& change) {
  if (change.size) {
    TRY(SetSize(*change.size));
  }
  RefPtr<TmpfsInode> above = TRY(EnsureUpper());
  SetChanged();
  AttributeChange rest = change;
  rest.size.reset();
  if (change.size && !rest.modify_time_ns) {
    above->ContentsChanged();
  }
  return above->SetAttributes(rest);
}

Result<std::string> OverlayInode::ReadLink() {
  return lower_ ? lower_->ReadLink() : upper()->ReadLink();
}

// Several threads may do this at once: the first one's result stays.
Result<RefPtr<TmpfsInode>> OverlayInode::MakeUpper() {
  Attributes attributes = TRY(lower_->GetAttributes());
  NewInode what;
  what.mode = attributes.mode;
  RefPtr<TmpfsInode> above = TRY(TmpfsInode::Create(file_system_.store(), what));
  above->AdoptAttributes(attributes);
  Result<std::vector<std::string>> names = lower_->ListXattrs();
  if (names.ok()) {
    for (const std::string& name : *names) {
      Result<std::string> value = IsStoredXattr(name) ? lower_->GetXattr(name) : Fail(ENODATA);
      if (value.ok()) {
        TRY(above->SetXattr(name, *value, XattrMode::kSet));
      }
    }
    above->AdoptAttributes(attributes);  // the attributes' change time came along
  }
  return above;
}

Result<RefPtr<TmpfsInode>> OverlayInode::EnsureUpper() {
  RefPtr<TmpfsInode> above = upper();
  if (!above) {
    RefPtr<TmpfsInode> made = TRY(MakeUpper());
    int32_t link_delta = 0;
    {
      auto state = state_.Lock();
      if (!state->upper) {
        state->upper = made;
        link_delta = std::exchange(state->link_delta, 0);
      }
      above = state->upper;
    }
    if (link_delta != 0) {
      above->AdjustLinkCount(link_delta);
    }
  }
  Keep();
  return above;
}

// --- Being kept -------------------------------------------------------------------------------

void OverlayInode::Keep() {
  if (linked_) {
    file_system_.KeepLinked(*this);
  }
  RefPtr<OverlayInode> inode = RefPtr<OverlayInode>::Share(this);
  while (inode) {
    RefPtr<OverlayDirectory> parent;
    std::string name;
    {
      auto state = inode->state_.Lock();
      parent = state->parent;
      name = state->name;
    }
    if (!parent) {
      return;
    }
    parent->KeepEntry(name, *inode);
    inode->LeavePlace();
    inode = parent;
  }
}

void OverlayInode::LeavePlace() {
  RefPtr<OverlayDirectory> parent;
  std::swap(state_.Lock()->parent, parent);
}

void OverlayInode::ChangeLinkCount(int32_t delta) {
  if (linked_) {
    // Its other names must see the new count.
    file_system_.KeepLinked(*this);
  }
  RefPtr<TmpfsInode> above;
  {
    auto state = state_.Lock();
    above = state->upper;
    if (!above) {
      state->link_delta += delta;
    }
  }
  if (above) {
    above->ChangeLinkCount(delta);
  }
}

void OverlayInode::SetUnchanged() { changed_.store(false, std::memory_order_relaxed); }

// --- Extended attributes ----------------------------------------------------------------------

Result<std::string> OverlayInode::GetXattr(std::string_view name) {
  if (!IsStoredXattr(name)) {
    return Fail(EOPNOTSUPP);
  }
  RefPtr<TmpfsInode> above = upper();
  return above ? above->GetXattr(name) : lower_->GetXattr(name);
}

Result<void> OverlayInode::SetXattr(std::string_view name, std::string_view value, XattrMode mode) {
  if (!IsStoredXattr(name)) {
    return Fail(EOPNOTSUPP);
  }
  RefPtr<TmpfsInode> above = TRY(EnsureUpper());
  TRY(above->SetXattr(name, value, mode));
  SetChanged();
  return Ok();
}

Result<void> OverlayInode::RemoveXattr(std::string_view name) {
  TRY(GetXattr(name));
  RefPtr<TmpfsInode> above = TRY(EnsureUpper());
  TRY(above->RemoveXattr(name));
  SetChanged();
  return Ok();
}

Result<std::vector<std::string>> OverlayInode::ListXattrs() {
  if (RefPtr<TmpfsInode> above = upper()) {
    return above->ListXattrs();
  }
  Result<std::vector<std::string>> names = lower_->ListXattrs();
  if (names.Is(EOPNOTSUPP)) {
    return std::vector<std::string>();
  }
  if (names.ok()) {
    std::erase_if(*names, [](const std::string& name) { return !IsStoredXattr(name); });
  }
  return names;
}

}  // namespace ukrun
