// Looking up, listing, remembering. Changes of names: overlay_names.cc.
#include "sentry/fs/overlay/overlay_directory.h"

namespace ukrun {
namespace {

constexpr size_t kListPiece = 128;
// Positions from here on belong to the directory below.
constexpr uint64_t kBelow = uint64_t{1} << 62;

}  // namespace

Result<RefPtr<Inode>> OverlayDirectory::Lookup(std::string_view name, std::string_view rest) {
  {
    auto state = entries_.Lock();
    if (Entry* entry = state->names.Find(name)) {
      return entry->inode ? Result<RefPtr<Inode>>(RefPtr<Inode>(entry->inode)) : Fail(ENOENT);
    }
  }
  if (!lower()) {
    return Fail(ENOENT);
  }
  RefPtr<Inode> below = TRY(lower()->Lookup(name, rest));
  return RefPtr<Inode>(TRY(overlay().Wrap(StaticRefCast<LowerInode>(below), this, name)));
}

Result<RefPtr<File>> OverlayDirectory::Open(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
}

Result<std::vector<ListedEntry>> OverlayDirectory::List(uint64_t position) {
  std::vector<ListedEntry> entries;
  if (position < kBelow) {
    auto state = entries_.Lock();
    for (auto it = state->names.After(position);
         it != state->names.end() && entries.size() < kListPiece; ++it) {
      const Entry& entry = it->second.value;
      if (!entry.exists_below) {
        entries.push_back(ListedEntry{it->second.name, entry.inode->number(),
                                      DirectoryEntryType(entry.inode->type()), it->first});
      }
    }
    position = kBelow + kFirstPosition;
  }
  ListedDirectory* below = lower() ? lower()->listing() : nullptr;
  while (entries.empty() && below != nullptr) {
    std::vector<ListedEntry> piece = TRY(below->List(position - kBelow));
    if (piece.empty()) {
      break;
    }
    position = kBelow + piece.back().next;
    auto state = entries_.Lock();
    for (ListedEntry& listed : piece) {
      listed.next += kBelow;
      if (const Entry* entry = state->names.Find(listed.name)) {
        if (!entry->inode) {
          continue;
        }
        listed.inode_number = entry->inode->number();
        listed.type = DirectoryEntryType(entry->inode->type());
      }
      entries.push_back(std::move(listed));
    }
  }
  return entries;
}

void OverlayDirectory::KeepEntry(std::string_view name, OverlayInode& inode) {
  auto state = entries_.Lock();
  if (state->names.Find(name) == nullptr) {
    state->names.Add(name, Entry{RefPtr<OverlayInode>::Share(&inode), true});
  }
}

std::vector<OverlayDirectory::NamedEntry> OverlayDirectory::Entries() {
  std::vector<NamedEntry> copy;
  auto state = entries_.Lock();
  copy.reserve(state->names.size());
  for (const auto& [number, entry] : state->names) {
    copy.push_back(NamedEntry{entry.name, entry.value});
  }
  return copy;
}

std::vector<RefPtr<OverlayInode>> OverlayDirectory::TakeAll() {
  std::vector<RefPtr<OverlayInode>> all;
  auto state = entries_.Lock();
  while (!state->names.empty()) {
    std::string name = state->names.begin()->second.name;
    Entry entry = state->names.Remove(name);
    if (entry.inode) {
      all.push_back(std::move(entry.inode));
    }
  }
  return all;
}

}  // namespace ukrun
