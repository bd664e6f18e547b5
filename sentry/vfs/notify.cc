#include "sentry/vfs/notify.h"

namespace ukrun {

constinit std::atomic<uint32_t> active_watches{0};

namespace notify_detail {
namespace {

// Rename cookies; never 0, which means "none".
uint32_t NextCookie() {
  static constinit std::atomic<uint32_t> last{0};
  uint32_t cookie = 0;
  while (cookie == 0) {
    cookie = last.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  return cookie;
}

void Deliver(const Inode& inode, const FileEvent& event) {
  if (auto watches = FindAttachment<InodeWatches>(inode, Inode::Attachments::Slot::kWatches)) {
    watches->OnEvent(event);
  }
}

uint32_t DirectoryBit(const Inode& inode) { return inode.type() == S_IFDIR ? IN_ISDIR : 0; }

}  // namespace

void Entry(const Path& directory, std::string_view name, uint32_t mask, const Inode& inode) {
  if (RefPtr<Inode> watched = directory.dentry->inode()) {
    Deliver(*watched, FileEvent{.mask = mask | DirectoryBit(inode), .name = name});
  }
}

void Object(const Path& path, uint32_t mask) {
  RefPtr<Inode> inode = path.dentry ? path.dentry->inode() : nullptr;
  if (!inode) {
    return;
  }
  mask |= DirectoryBit(*inode);
  bool unlinked = path.dentry->unlinked();
  auto [parent, name] = path.dentry->ParentAndName();
  if (parent) {
    if (RefPtr<Inode> directory = parent->inode()) {
      Deliver(*directory, FileEvent{.mask = mask, .name = name, .unlinked = unlinked});
    }
  }
  Deliver(*inode, FileEvent{.mask = mask, .unlinked = unlinked});
}

void Moved(const Path& from, std::string_view old_name, const Path& to, std::string_view new_name,
           Inode& moved) {
  uint32_t cookie = NextCookie();
  uint32_t bit = DirectoryBit(moved);
  if (RefPtr<Inode> directory = from.dentry->inode()) {
    Deliver(*directory, FileEvent{.mask = IN_MOVED_FROM | bit, .cookie = cookie, .name = old_name});
  }
  if (RefPtr<Inode> directory = to.dentry->inode()) {
    Deliver(*directory, FileEvent{.mask = IN_MOVED_TO | bit, .cookie = cookie, .name = new_name});
  }
  Deliver(moved, FileEvent{.mask = IN_MOVE_SELF | bit});
}

void Self(const Inode& inode, uint32_t mask) {
  Deliver(inode, FileEvent{.mask = mask | DirectoryBit(inode)});
}

void Gone(Inode& inode) {
  if (inode.open_count().load() != 0 || inode.attachments_if_any() == nullptr) {
    return;
  }
  Result<Attributes> attributes = inode.GetAttributes();
  // A removed directory keeps a link count on some file systems; its callers know that it
  // is gone.
  if (!attributes.ok() || attributes->link_count == 0 || inode.type() == S_IFDIR) {
    Deliver(inode, FileEvent{.mask = IN_DELETE_SELF | DirectoryBit(inode)});
  }
}

}  // namespace notify_detail
}  // namespace ukrun
