// Names of a directory of the host that are in memory (memory_names.h).
#include <algorithm>

#include "sentry/fs/host/host_directory.h"

namespace ukrun {

Result<Attributes> HostDirectory::GetAttributes() {
  Attributes attributes = TRY(HostInode::GetAttributes());
  if (RefPtr<TmpfsDirectory> in_memory = InMemory()) {
    Attributes names = TRY(in_memory->GetAttributes());
    attributes.modify_time_ns = std::max(attributes.modify_time_ns, names.modify_time_ns);
    attributes.change_time_ns = std::max(attributes.change_time_ns, names.change_time_ns);
    // Some file systems don't count subdirectories; half a count would mislead find(1).
    if (attributes.link_count > 1) {
      attributes.link_count += names.link_count;
    }
  }
  return attributes;
}

Result<RefPtr<TmpfsDirectory>> HostDirectory::EnsureInMemory() {
  std::string path = names_.Lock()->path;
  return host().memory_names().FindOrMake(key(), std::move(path));
}

bool HostDirectory::HasNamesInMemory() {
  RefPtr<TmpfsDirectory> in_memory = InMemory();
  if (!in_memory) {
    return false;
  }
  Result<std::vector<ListedEntry>> entries = in_memory->List(kFirstPosition);
  return entries.ok() && !entries->empty();
}

Result<bool> HostDirectory::BelongsInMemory(std::string_view name, uint32_t type) {
  if ((type & S_IFMT) == S_IFSOCK) {
    return true;
  }
  return WithHandle(
      [&](GoferHandle handle) { return client().HidesName(handle, name, type & S_IFMT); });
}

Result<RefPtr<Inode>> HostDirectory::MakeInMemory(std::string_view name, const NewInode& what) {
  return TRY(EnsureInMemory())->Make(name, what);
}

Result<void> HostDirectory::LinkInMemory(std::string_view name, Inode& target) {
  if (!TRY(BelongsInMemory(name, target.type()))) {
    return Fail(EXDEV);
  }
  return TRY(EnsureInMemory())->Link(name, target);
}

// Between memory and the host nothing is moved: EXDEV makes programs copy, and the copy is
// made where its name belongs.
Result<void> HostDirectory::RenameInMemory(std::string_view old_name, Inode& moved,
                                           HostDirectory& target, std::string_view new_name,
                                           Inode* replaced, RenameMode mode) {
  const MemoryNames& memory = host().memory_names();
  if (!memory.Holds(moved) || (replaced != nullptr && !memory.Holds(*replaced))) {
    return Fail(EXDEV);
  }
  if (replaced == nullptr && !TRY(target.BelongsInMemory(new_name, moved.type()))) {
    return Fail(EXDEV);
  }
  RefPtr<TmpfsDirectory> to = TRY(target.EnsureInMemory());
  return InMemory()->Rename(old_name, moved, *to, new_name, replaced, mode);
}

}  // namespace ukrun
