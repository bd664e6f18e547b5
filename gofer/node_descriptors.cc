// The cache of O_PATH descriptors of nodes (see node_table.h).
#include <utility>

#include "gofer/host_files.h"
#include "gofer/node_table.h"

namespace ukrun::gofer {
namespace {

bool IsFileOf(const Node& node, const GoferAttributes& found) {
  return found.dev == node.dev && found.ino == node.ino && FileType(found.mode) == node.type;
}

}  // namespace

void NodeTable::DropDescriptorLocked(Node* node) {
  if (node->fd != nullptr && node->parent != nullptr) {
    lru_.erase(node->lru);
    node->fd = nullptr;
  }
}

void NodeTable::StoreDescriptorLocked(Node* node, SharedFd fd) {
  if (node->fd == nullptr) {
    node->fd = std::move(fd);
    node->lru = lru_.insert(lru_.end(), node);
  }
}

// `dropped` keeps the descriptors, so that they are closed when the lock is free again.
void NodeTable::TrimLocked(std::vector<SharedFd>& dropped) {
  while (lru_.size() > most_descriptors_) {
    Node* oldest = lru_.front();
    dropped.push_back(oldest->fd);
    DropDescriptorLocked(oldest);
  }
}

Result<SharedFd> NodeTable::Descriptor(const NodeRef& node) {
  {
    std::lock_guard guard(lock_);
    if (node->fd != nullptr) {
      if (node->parent != nullptr) {
        lru_.splice(lru_.end(), lru_, node->lru);
      }
      return node->fd;
    }
  }
  // A rename through the gofer changes names while the path is walked without the lock. Then
  // the walk fails or finds another file, and is tried again.
  for (int attempt = 0;; ++attempt) {
    uint64_t renames_before = 0;
    {
      std::lock_guard guard(lock_);
      renames_before = rename_count_;
    }
    Result<SharedFd> fd = Reopen(node);
    if (fd.ok() || attempt == 8) {
      return fd;
    }
    std::lock_guard guard(lock_);
    if (rename_count_ == renames_before) {
      return fd;
    }
  }
}

Result<GoferAttributes> NodeTable::Attributes(const NodeRef& node) {
  SharedFd parent;
  std::string name;
  {
    std::lock_guard guard(lock_);
    if (node->fd == nullptr && node->named && node->parent->fd != nullptr) {
      parent = node->parent->fd;
      name = node->name;
    }
  }
  if (parent != nullptr) {
    Result<GoferAttributes> found = StatEntry(parent->get(), CName(name).get());
    if (found.ok() && IsFileOf(*node, *found)) {
      return found;
    }
    // Gone, or renamed just now: Descriptor knows the difference.
  }
  SharedFd fd = TRY(Descriptor(node));
  return StatDescriptor(fd->get());
}

SharedFd NodeTable::PathToLocked(Node* node, std::vector<Step>& steps) {
  while (node->fd == nullptr) {
    if (!node->named) {
      return nullptr;
    }
    steps.push_back(Step{RefLocked(node), node->name});
    node = node->parent;
  }
  return node->fd;
}

Result<SharedFd> NodeTable::Reopen(const NodeRef& node) {
  std::vector<Step> steps;  // the deepest first
  SharedFd fd;
  {
    std::lock_guard guard(lock_);
    fd = PathToLocked(node.get(), steps);
  }
  if (fd == nullptr) {
    return Fail(ESTALE);
  }
  while (!steps.empty()) {
    Step step = std::move(steps.back());
    steps.pop_back();
    Result<HostFd> opened = OpenPath(fd->get(), CName(step.name).get());
    if (!opened.ok()) {
      bool gone = opened.Is(ENOENT) || opened.Is(ENOTDIR) || opened.Is(ELOOP);
      return gone ? Fail(ESTALE) : opened.failure();
    }
    GoferAttributes found = TRY(StatDescriptor(opened->get()));
    if (!IsFileOf(*step.node, found)) {
      return Fail(ESTALE);
    }
    fd = std::make_shared<const HostFd>(*std::move(opened));
    std::vector<SharedFd> dropped;
    std::lock_guard guard(lock_);
    StoreDescriptorLocked(step.node.get(), fd);
    TrimLocked(dropped);
  }
  return fd;
}

}  // namespace ukrun::gofer
