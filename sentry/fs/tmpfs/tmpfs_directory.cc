#include "sentry/fs/tmpfs/tmpfs_directory.h"

namespace ukrun {
namespace {

// What Linux says an entry weighs.
constexpr uint64_t kEntryBytes = 20;
// Listed in one piece, so that a big directory is not copied as a whole.
constexpr size_t kListPiece = 128;

}  // namespace

void TmpfsDirectory::DescribeContents(Attributes& attributes) {
  attributes.size = (entries_.Lock()->names.size() + 2) * kEntryBytes;
}

Result<RefPtr<Inode>> TmpfsDirectory::Lookup(std::string_view name, std::string_view) {
  auto state = entries_.Lock();
  RefPtr<TmpfsInode>* found = state->names.Find(name);
  if (found == nullptr) {
    return Fail(ENOENT);
  }
  return RefPtr<Inode>(*found);
}

NewInode TmpfsDirectory::Inherit(const NewInode& what) {
  NewInode inherited = what;
  Attributes own = GetAttributes().value_or(Attributes());
  if ((own.mode & S_ISGID) != 0) {
    inherited.gid = own.gid;
    if (IsDirectoryMode(what.mode)) {
      inherited.mode |= S_ISGID;
    }
  }
  return inherited;
}

Result<void> TmpfsDirectory::Insert(std::string_view name, RefPtr<TmpfsInode> inode) {
  auto state = entries_.Lock();
  if (state->removed) {
    return Fail(ENOENT);
  }
  if (state->names.Find(name) != nullptr) {
    return Fail(EEXIST);
  }
  state->names.Add(name, std::move(inode));
  return Ok();
}

RefPtr<TmpfsInode> TmpfsDirectory::Take(std::string_view name) {
  auto state = entries_.Lock();
  return state->names.Find(name) == nullptr ? RefPtr<TmpfsInode>() : state->names.Remove(name);
}

Result<RefPtr<Inode>> TmpfsDirectory::Make(std::string_view name, const NewInode& what) {
  RefPtr<TmpfsInode> inode = TRY(Create(tmpfs(), Inherit(what)));
  bool directory = IsDirectoryMode(what.mode);
  inode->ChangeLinkCount(directory ? 2 : 1);
  TRY(Insert(name, inode));
  if (directory) {
    ChangeLinkCount(1);
  }
  ContentsChanged();
  return RefPtr<Inode>(inode);
}

Result<RefPtr<Inode>> TmpfsDirectory::MakeUnnamed(const NewInode& what) {
  return RefPtr<Inode>(TRY(Create(tmpfs(), Inherit(what))));
}

Result<void> TmpfsDirectory::Link(std::string_view name, Inode& target) {
  if (&target.file_system() != &file_system()) {
    return Fail(EXDEV);  // both are shown in one tree, see sentry/fs/host/memory_names.h
  }
  RefPtr<TmpfsInode> inode = RefPtr<TmpfsInode>::Share(static_cast<TmpfsInode*>(&target));
  TRY(Insert(name, inode));
  inode->ChangeLinkCount(1);
  ContentsChanged();
  return Ok();
}

Result<void> TmpfsDirectory::CloseForRemoval() {
  auto state = entries_.Lock();
  if (!state->names.empty()) {
    return Fail(ENOTEMPTY);
  }
  state->removed = true;
  return Ok();
}

Result<void> TmpfsDirectory::Remove(std::string_view name, Inode& victim) {
  bool directory = victim.type() == S_IFDIR;
  if (directory) {
    TRY(static_cast<TmpfsDirectory&>(victim).CloseForRemoval());
  }
  RefPtr<TmpfsInode> removed = Take(name);
  if (!removed) {
    return Fail(ENOENT);
  }
  removed->ChangeLinkCount(directory ? -2 : -1);
  if (directory) {
    ChangeLinkCount(-1);
  }
  ContentsChanged();
  return Ok();
}

Result<void> TmpfsDirectory::Rename(std::string_view old_name, Inode& moved, Inode& new_directory,
                                    std::string_view new_name, Inode* replaced, RenameMode mode) {
  auto& target = static_cast<TmpfsDirectory&>(new_directory);
  if (mode == RenameMode::kExchange) {
    return Exchange(old_name, target, new_name);
  }
  if (replaced != nullptr) {
    TRY(target.Remove(new_name, *replaced));
  }
  RefPtr<TmpfsInode> inode = Take(old_name);
  if (!inode) {
    return Fail(ENOENT);
  }
  Result<void> inserted = target.Insert(new_name, inode);
  if (!inserted.ok()) {
    TRY(Insert(old_name, inode));
    return inserted;
  }
  if (moved.type() == S_IFDIR && &target != this) {
    ChangeLinkCount(-1);
    target.ChangeLinkCount(1);
  }
  inode->ChangeLinkCount(0);
  ContentsChanged();
  target.ContentsChanged();
  return Ok();
}

Result<void> TmpfsDirectory::Exchange(std::string_view old_name, TmpfsDirectory& other,
                                      std::string_view new_name) {
  RefPtr<TmpfsInode> first;
  RefPtr<TmpfsInode> second;
  // Each entry keeps its place in its directory; only what it refers to changes.
  auto replace = [](TmpfsDirectory& directory, std::string_view name,
                    const RefPtr<TmpfsInode>& with) -> RefPtr<TmpfsInode> {
    auto state = directory.entries_.Lock();
    RefPtr<TmpfsInode>* found = state->names.Find(name);
    return found == nullptr ? RefPtr<TmpfsInode>() : std::exchange(*found, with);
  };
  {
    auto state = other.entries_.Lock();
    RefPtr<TmpfsInode>* found = state->names.Find(new_name);
    if (found == nullptr) {
      return Fail(ENOENT);
    }
    second = *found;
  }
  first = replace(*this, old_name, second);
  if (!first) {
    return Fail(ENOENT);
  }
  replace(other, new_name, first);
  int32_t directories = (second->type() == S_IFDIR ? 1 : 0) - (first->type() == S_IFDIR ? 1 : 0);
  if (&other != this && directories != 0) {
    ChangeLinkCount(directories);
    other.ChangeLinkCount(-directories);
  }
  first->ChangeLinkCount(0);
  second->ChangeLinkCount(0);
  ContentsChanged();
  other.ContentsChanged();
  return Ok();
}

Result<RefPtr<File>> TmpfsDirectory::Open(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
}

Result<std::vector<ListedEntry>> TmpfsDirectory::List(uint64_t position) {
  std::vector<ListedEntry> entries;
  auto state = entries_.Lock();
  for (auto it = state->names.After(position);
       it != state->names.end() && entries.size() < kListPiece; ++it) {
    const TmpfsInode& inode = *it->second.value;
    entries.push_back(
        ListedEntry{it->second.name, inode.number(), DirectoryEntryType(inode.type()), it->first});
  }
  return entries;
}

std::vector<RefPtr<TmpfsInode>> TmpfsDirectory::TakeAll() {
  std::vector<RefPtr<TmpfsInode>> all;
  auto state = entries_.Lock();
  while (!state->names.empty()) {
    std::string name = state->names.begin()->second.name;
    all.push_back(state->names.Remove(name));
  }
  return all;
}

}  // namespace ukrun
