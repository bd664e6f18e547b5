// Lookups and listings. Changes: host_directory_changes.cc.
#include "sentry/fs/host/host_directory.h"

#include <algorithm>

#include "sentry/fs/host/host_regular.h"

namespace ukrun {
namespace {

// Inodes that one directory keeps for lookups to come.
constexpr size_t kMostPrimed = 4096;
// The gofer's cookies are shifted. What would not fit (some file systems end with the largest
// number) stays at the end.
// Positions below kHostPositions belong to names in memory, which are listed first.
constexpr uint64_t kHostPositions = uint64_t{1} << 31;
constexpr uint64_t kLastCookie = INT64_MAX - kHostPositions;

uint64_t ToPosition(uint64_t cookie) { return std::min(cookie, kLastCookie) + kHostPositions; }

// Names asked for at once. Each leaves an inode in its directory, so a long chain of them
// would be freed in a deep recursion.
constexpr size_t kMostNames = 16;
static_assert(kMostNames <= GoferClient::kMaxWalkNames);

// `name` and the components of `rest`, up to what a plain walk cannot do.
std::vector<std::string_view> SplitHint(std::string_view name, std::string_view rest) {
  std::vector<std::string_view> names = {name};
  while (!rest.empty() && names.size() < kMostNames) {
    size_t begin = std::min(rest.find_first_not_of('/'), rest.size());
    rest.remove_prefix(begin);
    size_t length = std::min(rest.find('/'), rest.size());
    std::string_view next = rest.substr(0, length);
    if (next.empty() || next == "." || next == ".." || next.size() > 255) {
      break;
    }
    names.push_back(next);
    rest.remove_prefix(length);
  }
  return names;
}

}  // namespace

std::optional<Result<RefPtr<Inode>>> HostDirectory::TakeKnown(std::string_view name) {
  RefPtr<HostInode> inode;  // let go after the lock
  auto names = names_.Lock();
  auto it = names->known.find(name);
  if (it == names->known.end()) {
    return std::nullopt;
  }
  inode = it->second.inode;
  bool fresh = host().IsFresh(it->second.learned_ns);
  if (!fresh || !host().writable()) {
    // In a tree that stands still, the dentry cache knows from here on.
    names->known.erase(it);
  }
  names.Unlock();
  if (!fresh) {
    return std::nullopt;
  }
  return inode ? Result<RefPtr<Inode>>(RefPtr<Inode>(inode)) : Fail(ENOENT);
}

void HostDirectory::LearnName(std::string_view name, RefPtr<HostInode> inode) {
  int64_t now = host().Now();
  Known replaced;  // let go after the lock
  auto names = names_.Lock();
  if (names->known.size() < kMostPrimed) {
    Known& known = names->known[std::string(name)];
    replaced = std::exchange(known, Known{std::move(inode), now});
  }
  names.Unlock();
}

void HostDirectory::DropPrimed() {
  std::map<std::string, Known, std::less<>> dropped;
  std::swap(names_.Lock()->known, dropped);
}

void HostDirectory::NamesChanged() {
  ForgetAttributes();
  DropPrimed();
  names_.Lock()->end_position = 0;
}

Result<GoferWalk> HostDirectory::WalkFrom(const std::vector<std::string_view>& names) {
  // In a tree that stands still most files that are looked up by name are also read.
  auto open_last =
      host().writable() ? GoferClient::OpenLast::kNo : GoferClient::OpenLast::kForReading;
  return WithHandle([&](GoferHandle handle) { return client().Walk(handle, names, open_last); });
}

void HostDirectory::TellPlace(std::string_view name, HostInode& child) {
  if (host().writable() && child.type() == S_IFDIR) {
    std::string path = PathOf(name);
    std::swap(static_cast<HostDirectory&>(child).names_.Lock()->path, path);
  }
}

std::string HostDirectory::PathOf(std::string_view name) const {
  std::string path = names_.Lock()->path;
  if (!path.empty()) {
    path += '/';
  }
  path += name;
  return path;
}

Result<RefPtr<Inode>> HostDirectory::Lookup(std::string_view name, std::string_view rest) {
  if (RefPtr<TmpfsDirectory> in_memory = InMemory()) {
    Result<RefPtr<Inode>> found = in_memory->Lookup(name, rest);
    if (found.ok()) {
      return found;
    }
  }
  if (auto known = TakeKnown(name)) {
    return *known;
  }
  std::vector<std::string_view> names = SplitHint(name, rest);
  GoferWalk walk = TRY(WalkFrom(names));
  if (walk.nodes.empty()) {
    return Fail(walk.error != 0 ? walk.error : ENOENT);
  }
  RefPtr<HostInode> first;
  RefPtr<HostInode> last;
  for (size_t i = 0; i < walk.nodes.size(); ++i) {
    RefPtr<HostInode> inode = host().Intern(walk.nodes[i]);
    if (i == 0) {
      first = inode;
      TellPlace(name, *inode);
      if (host().writable()) {
        LearnName(name, inode);
      }
    } else {
      auto& above = static_cast<HostDirectory&>(*last);
      above.TellPlace(names[i], *inode);
      above.LearnName(names[i], inode);
    }
    last = std::move(inode);
  }
  if (last->type() == S_IFLNK) {
    last->LearnLinkTarget(std::move(walk.link_target));
  }
  if (last->type() == S_IFREG && walk.fd.valid()) {
    static_cast<HostRegular&>(*last).OfferDescriptor(std::move(walk.fd), GoferAccess::kRead);
  }
  if (walk.error == ENOENT && walk.nodes.size() < names.size() && last->type() == S_IFDIR) {
    static_cast<HostDirectory&>(*last).LearnName(names[walk.nodes.size()], nullptr);
  }
  return RefPtr<Inode>(first);
}

// --- Listing ----------------------------------------------------------------------------------

Result<RefPtr<File>> HostDirectory::Open(Task&, const Path& path, const OpenOptions& options) {
  return RefPtr<File>(MakeRef<DirectoryFile>(path, options, *this));
}

Result<std::vector<ListedEntry>> HostDirectory::ReadPage(uint64_t* cookie, bool* more) {
  bool room = names_.Lock()->known.size() < kMostPrimed;
  auto with_handles = room ? GoferClient::WithHandles::kYes : GoferClient::WithHandles::kNo;
  GoferDirPage page = TRY(WithHandle(
      [&](GoferHandle handle) { return client().ReadDirectory(handle, *cookie, with_handles); }));
  std::vector<ListedEntry> entries;
  entries.reserve(page.entries.size());
  size_t primed = 0;
  for (GoferDirEntry& entry : page.entries) {
    const GoferAttributes& attributes = entry.node.attributes;
    if (entry.node.handle != GoferHandle::kNone) {
      RefPtr<HostInode> inode = host().Intern(entry.node);
      TellPlace(entry.name, *inode);
      LearnName(entry.name, std::move(inode));
      ++primed;
    }
    uint64_t number = host().InodeNumber(attributes.dev, attributes.ino);
    entries.push_back(ListedEntry{std::move(entry.name), number,
                                  DirectoryEntryType(attributes.mode), ToPosition(entry.cookie)});
  }
  if (primed > 0) {
    host().NotePrimed(*this, primed);
  }
  *more = !page.end && page.next_cookie != *cookie;
  *cookie = page.next_cookie;
  return entries;
}

Result<std::vector<ListedEntry>> HostDirectory::List(uint64_t position) {
  if (!host().writable()) {
    return ListStill(position);
  }
  RefPtr<TmpfsDirectory> in_memory = InMemory();
  if (position < kHostPositions) {
    if (in_memory) {
      std::vector<ListedEntry> entries = TRY(in_memory->List(position));
      if (!entries.empty() && entries.back().next < kHostPositions) {
        return entries;
      }
    }
    position = kHostPositions;
  }
  for (;;) {
    std::vector<ListedEntry> entries = TRY(ListHost(position));
    if (entries.empty() || !in_memory) {
      return entries;
    }
    position = entries.back().next;
    // The host may have got a file of a name that was free when it was made in memory.
    std::erase_if(entries,
                  [&](const ListedEntry& entry) { return in_memory->Lookup(entry.name, "").ok(); });
    if (!entries.empty()) {
      return entries;
    }
  }
}

Result<std::vector<ListedEntry>> HostDirectory::ListHost(uint64_t position) {
  uint64_t cookie = position - kHostPositions;
  {
    auto names = names_.Lock();
    if (names->end_position == position && host().IsFresh(names->end_seen_ns)) {
      return std::vector<ListedEntry>();
    }
  }
  for (;;) {
    bool more = false;
    std::vector<ListedEntry> entries = TRY(ReadPage(&cookie, &more));
    if (!more && !entries.empty()) {
      int64_t now = host().Now();
      auto names = names_.Lock();
      names->end_position = entries.back().next;
      names->end_seen_ns = now;
    }
    if (!more || !entries.empty()) {
      return entries;
    }
  }
}

// Positions are indexes into the listing, which is read as a whole once.
Result<std::vector<ListedEntry>> HostDirectory::ListStill(uint64_t position) {
  bool listed = names_.Lock()->listing.has_value();
  if (!listed) {
    std::vector<ListedEntry> all;
    uint64_t cookie = 0;
    for (bool more = true; more;) {
      std::vector<ListedEntry> page = TRY(ReadPage(&cookie, &more));
      std::move(page.begin(), page.end(), std::back_inserter(all));
    }
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].next = kFirstPosition + i + 1;
    }
    auto names = names_.Lock();
    if (!names->listing) {
      names->listing = std::move(all);
    }
  }
  auto names = names_.Lock();
  const std::vector<ListedEntry>& all = *names->listing;
  size_t index = std::min<uint64_t>(position - kFirstPosition, all.size());
  size_t count = std::min<size_t>(all.size() - index, 128);
  auto begin = all.begin() + static_cast<std::ptrdiff_t>(index);
  return std::vector<ListedEntry>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

}  // namespace ukrun
