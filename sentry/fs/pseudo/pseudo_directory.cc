#include "sentry/fs/pseudo/pseudo_directory.h"

namespace ukrun {

void PseudoDirectory::Add(std::string_view name, RefPtr<PseudoInode> inode) {
  entries_.emplace_back(std::string(name), std::move(inode));
}

PseudoDirectory& PseudoDirectory::MakeDirectories(std::string_view path) {
  PseudoDirectory* directory = this;
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    PseudoInode* next = directory->Find(name);
    if (next == nullptr) {
      auto made = MakeRef<PseudoDirectory>(pseudo_file_system(), 0555u);
      next = made.get();
      directory->Add(name, std::move(made));
    }
    directory = static_cast<PseudoDirectory*>(next);
  }
  return *directory;
}

PseudoInode* PseudoDirectory::Find(std::string_view name) const {
  for (const auto& [entry_name, inode] : entries_) {
    if (entry_name == name) {
      return inode.get();
    }
  }
  return nullptr;
}

Result<RefPtr<Inode>> PseudoDirectory::Lookup(std::string_view name, std::string_view) {
  PseudoInode* found = Find(name);
  return found == nullptr ? Fail(ENOENT) : Result<RefPtr<Inode>>(RefPtr<Inode>::Share(found));
}

Result<RefPtr<File>> PseudoDirectory::Open(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
}

// The entry with index n has its place behind position n + kFirstPosition.
Result<std::vector<ListedEntry>> PseudoDirectory::List(uint64_t position) {
  std::vector<ListedEntry> listed;
  for (size_t i = position - kFirstPosition; i < entries_.size(); ++i) {
    const auto& [name, inode] = entries_[i];
    listed.push_back(ListedEntry{name, inode->number(), DirectoryEntryType(inode->type()),
                                 kFirstPosition + i + 1});
  }
  return listed;
}

void PseudoDirectory::Describe(Attributes& attributes) {
  for (const auto& [name, inode] : entries_) {
    attributes.link_count += inode->type() == S_IFDIR ? 1u : 0u;
  }
}

}  // namespace ukrun
