// Making, linking, removing and renaming in directories of the overlay.
//
// The VFS holds the locks of the directories concerned, so the steps of one operation are
// seen by listings at most.
#include "sentry/fs/overlay/overlay_directory.h"

namespace ukrun {

// As inode_init_owner(): what is made in a set-group-id directory gets its group.
Result<NewInode> OverlayDirectory::Inherit(const NewInode& what) {
  NewInode inherited = what;
  Attributes own = TRY(GetAttributes());
  if ((own.mode & S_ISGID) != 0) {
    inherited.gid = own.gid;
    if (IsDirectoryMode(what.mode)) {
      inherited.mode |= S_ISGID;
    }
  }
  return inherited;
}

Result<void> OverlayDirectory::NamesChanged() {
  TRY(EnsureUpper())->ContentsChanged();
  return Ok();
}

Result<void> OverlayDirectory::Insert(std::string_view name, RefPtr<OverlayInode> inode) {
  auto state = entries_.Lock();
  if (state->removed) {
    return Fail(ENOENT);
  }
  Entry* entry = state->names.Find(name);
  if (entry == nullptr) {
    // The caller has looked it up: it does not exist below.
    state->names.Add(name, Entry{std::move(inode), false});
  } else if (entry->inode) {
    return Fail(EEXIST);
  } else {
    entry->inode = std::move(inode);
  }
  return Ok();
}

void OverlayDirectory::Erase(std::string_view name) {
  RefPtr<OverlayInode> erased;  // let go after the lock
  auto state = entries_.Lock();
  Entry* entry = state->names.Find(name);
  if (entry == nullptr) {
    state->names.Add(name, Entry{nullptr, true});
  } else {
    erased = std::move(entry->inode);
    if (!entry->exists_below) {
      state->names.Remove(name);
    }
  }
  state.Unlock();
}

Result<RefPtr<Inode>> OverlayDirectory::Make(std::string_view name, const NewInode& what) {
  NewInode inherited = TRY(Inherit(what));
  RefPtr<OverlayInode> inode = TRY(overlay().NewUpper(inherited));
  TRY(NamesChanged());
  bool directory = IsDirectoryMode(what.mode);
  inode->ChangeLinkCount(directory ? 2 : 1);
  TRY(Insert(name, inode));
  if (directory) {
    ChangeLinkCount(1);
  }
  return RefPtr<Inode>(inode);
}

Result<RefPtr<Inode>> OverlayDirectory::MakeUnnamed(const NewInode& what) {
  NewInode inherited = TRY(Inherit(what));
  return RefPtr<Inode>(TRY(overlay().NewUpper(inherited)));
}

Result<void> OverlayDirectory::Link(std::string_view name, Inode& target) {
  auto& file = static_cast<OverlayInode&>(target);
  TRY(NamesChanged());
  TRY(file.EnsureUpper());
  TRY(Insert(name, RefPtr<OverlayInode>::Share(&file)));
  file.SetMoved();
  file.ChangeLinkCount(1);
  return Ok();
}

// Errors: ENOTEMPTY. Afterwards nothing can be made in here.
Result<void> OverlayDirectory::CloseForRemoval() {
  if (!TRY(List(kFirstPosition)).empty()) {
    return Fail(ENOTEMPTY);
  }
  auto state = entries_.Lock();
  for (const auto& [number, entry] : state->names) {
    if (entry.value.inode) {
      return Fail(ENOTEMPTY);
    }
  }
  state->removed = true;
  return Ok();
}

Result<void> OverlayDirectory::Remove(std::string_view name, Inode& victim) {
  auto& removed = static_cast<OverlayInode&>(victim);
  bool directory = victim.type() == S_IFDIR;
  TRY(NamesChanged());
  if (directory) {
    TRY(static_cast<OverlayDirectory&>(victim).CloseForRemoval());
  }
  RefPtr<OverlayInode> alive = RefPtr<OverlayInode>::Share(&removed);
  Erase(name);
  removed.LeavePlace();
  removed.ChangeLinkCount(directory ? -2 : -1);
  if (directory) {
    ChangeLinkCount(-1);
  }
  return Ok();
}

Result<void> OverlayDirectory::Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                                      std::string_view new_name, Inode* replaced, RenameMode mode) {
  auto& inode = static_cast<OverlayInode&>(moved);
  auto& target = static_cast<OverlayDirectory&>(new_directory);
  TRY(NamesChanged());
  TRY(target.NamesChanged());
  RefPtr<TmpfsInode> above = TRY(inode.EnsureUpper());
  if (mode == RenameMode::kExchange) {
    return Exchange(old_name, inode, target, new_name, static_cast<OverlayInode&>(*replaced));
  }
  if (replaced != nullptr) {
    TRY(target.Remove(new_name, *replaced));
  }
  TRY(target.Insert(new_name, RefPtr<OverlayInode>::Share(&inode)));
  Erase(old_name);
  inode.SetMoved();
  if (moved.type() == S_IFDIR && &target != this) {
    ChangeLinkCount(-1);
    target.ChangeLinkCount(1);
  }
  above->ChangeLinkCount(0);  // the change time
  return Ok();
}

Result<void> OverlayDirectory::Exchange(std::string_view old_name, OverlayInode& first,
                                        OverlayDirectory& other, std::string_view new_name,
                                        OverlayInode& second) {
  RefPtr<TmpfsInode> second_above = TRY(second.EnsureUpper());
  auto put = [](OverlayDirectory& directory, std::string_view name, OverlayInode& inode) {
    RefPtr<OverlayInode> with = RefPtr<OverlayInode>::Share(&inode);
    auto state = directory.entries_.Lock();
    // Both are kept by now, unless they are known by another of their names.
    if (Entry* entry = state->names.Find(name)) {
      std::swap(entry->inode, with);
    } else {
      state->names.Add(name, Entry{std::move(with), true});
    }
    state.Unlock();
  };
  put(*this, old_name, second);
  put(other, new_name, first);
  first.SetMoved();
  second.SetMoved();
  int32_t directories = (second.type() == S_IFDIR ? 1 : 0) - (first.type() == S_IFDIR ? 1 : 0);
  if (&other != this && directories != 0) {
    ChangeLinkCount(directories);
    other.ChangeLinkCount(-directories);
  }
  first.ChangeLinkCount(0);
  second_above->ChangeLinkCount(0);
  return Ok();
}

}  // namespace ukrun
