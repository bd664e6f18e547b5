#include "gofer/node_table.h"

#include <utility>

#include "gofer/host_files.h"

namespace ukrun::gofer {

NodeRef::~NodeRef() {
  if (node_ != nullptr) {
    table_->Unuse(node_);
  }
}

NodeTable::NodeTable(HiddenPaths& hidden, size_t most_descriptors)
    : hidden_(hidden), most_descriptors_(most_descriptors) {}

NodeTable::~NodeTable() = default;

NodeRef NodeTable::RefLocked(Node* node) {
  ++node->uses;
  return NodeRef(this, node);
}

NodeRef NodeTable::AddRoot(const Attachment* attachment, const GoferAttributes& attributes,
                           HostFd fd, const HiddenState* hidden_state) {
  auto node = std::make_unique<Node>();
  node->attachment = attachment;
  node->dev = attributes.dev;
  node->ino = attributes.ino;
  node->type = FileType(attributes.mode);
  node->fd = std::make_shared<const HostFd>(std::move(fd));
  node->hidden_state = hidden_state;
  node->lookups = 1;  // the table's own, never given back
  std::lock_guard guard(lock_);
  node->handle = next_handle_++;
  Node* raw = node.get();
  nodes_.emplace(raw->handle, std::move(node));
  return RefLocked(raw);
}

Result<NodeRef> NodeTable::Find(uint64_t handle) {
  std::lock_guard guard(lock_);
  auto it = nodes_.find(handle);
  // A node without lookups lives on for others' sake only.
  if (it == nodes_.end() || it->second->lookups == 0) {
    return Fail(EBADF);
  }
  return RefLocked(it->second.get());
}

NodeRef NodeTable::Intern(const NodeRef& parent, std::string_view name,
                          const GoferAttributes& attributes, CountLookup count_lookup) {
  uint64_t lookups = count_lookup == CountLookup::kYes ? 1 : 0;
  std::lock_guard guard(lock_);
  auto it = by_name_.find(Key{parent->handle, name});
  if (it != by_name_.end()) {
    Node* found = it->second;
    if (found->dev == attributes.dev && found->ino == attributes.ino &&
        found->type == FileType(attributes.mode)) {
      found->lookups += lookups;
      return RefLocked(found);
    }
    UnnameLocked(found);
  }
  auto node = std::make_unique<Node>();
  node->attachment = parent->attachment;
  node->dev = attributes.dev;
  node->ino = attributes.ino;
  node->type = FileType(attributes.mode);
  node->lookups = lookups;
  node->handle = next_handle_++;
  Node* raw = node.get();
  nodes_.emplace(raw->handle, std::move(node));
  raw->parent = parent.get();
  ++raw->parent->uses;
  NameLocked(raw, parent.get(), name);
  return RefLocked(raw);
}

void NodeTable::CountLookupOf(const NodeRef& node) {
  std::lock_guard guard(lock_);
  ++node->lookups;
}

void NodeTable::NameLocked(Node* node, Node* parent, std::string_view name) {
  if (node->parent != parent) {
    ++parent->uses;
    Node* old = std::exchange(node->parent, parent);
    --old->uses;
    CollectUnusedLocked(old);
  }
  node->name = name;
  node->named = true;
  by_name_.insert_or_assign(Key{parent->handle, node->name}, node);
}

void NodeTable::UnnameLocked(Node* node) {
  if (node->named) {
    by_name_.erase(Key{node->parent->handle, node->name});
    node->named = false;
  }
}

void NodeTable::Release(uint64_t handle) {
  std::lock_guard guard(lock_);
  auto it = nodes_.find(handle);
  if (it == nodes_.end()) {
    return;
  }
  Node* node = it->second.get();
  // The root's first count is the table's.
  uint64_t least = node->parent == nullptr ? 1 : 0;
  if (node->lookups > least) {
    --node->lookups;
    CollectUnusedLocked(node);
  }
}

void NodeTable::Unuse(Node* node) {
  std::lock_guard guard(lock_);
  --node->uses;
  CollectUnusedLocked(node);
}

// Deletes `node` if nobody needs it, then its parent, and so on. Not recursive: a tree may
// be ten thousand deep.
void NodeTable::CollectUnusedLocked(Node* node) {
  while (node != nullptr && node->lookups == 0 && node->uses == 0) {
    Node* parent = node->parent;
    UnnameLocked(node);
    DropDescriptorLocked(node);
    nodes_.erase(node->handle);
    --parent->uses;
    node = parent;
  }
}

Result<std::string> NodeTable::PathOf(const NodeRef& node) {
  std::vector<std::string> names;  // the deepest first
  {
    std::lock_guard guard(lock_);
    for (const Node* at = node.get(); at->parent != nullptr; at = at->parent) {
      if (!at->named) {
        return Fail(ESTALE);
      }
      names.push_back(at->name);
    }
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    path += "/" + *name;
  }
  return path;
}

const HiddenState* NodeTable::HiddenStateOf(const NodeRef& directory) {
  std::lock_guard guard(lock_);
  std::vector<Node*> outdated;
  Node* node = directory.get();
  while (node->parent != nullptr && node->hidden_epoch != hidden_epoch_) {
    outdated.push_back(node);
    node = node->parent;
  }
  const HiddenState* state = node->hidden_state;
  while (!outdated.empty()) {
    Node* next = outdated.back();
    outdated.pop_back();
    state = hidden_.Step(state, next->name);
    next->hidden_state = state;
    next->hidden_epoch = hidden_epoch_;
  }
  return state;
}

void NodeTable::NoteRemoved(const NodeRef& parent, std::string_view name) {
  std::lock_guard guard(lock_);
  auto it = by_name_.find(Key{parent->handle, name});
  if (it != by_name_.end()) {
    UnnameLocked(it->second);
  }
}

// Names a node anew after a rename, unless its new parent lies below it. The host would not
// have done that; but it may have moved the parent away before, unseen, and then what we
// know would make a circle. The node keeps its place without a name and is stale.
void NodeTable::MoveLocked(Node* node, Node* parent, std::string_view name) {
  for (Node* at = parent; at != nullptr; at = at->parent) {
    if (at == node) {
      return;
    }
  }
  NameLocked(node, parent, name);
}

void NodeTable::NoteRenamed(const NodeRef& old_parent, std::string_view old_name,
                            const NodeRef& new_parent, std::string_view new_name, bool exchanged) {
  std::lock_guard guard(lock_);
  auto find = [this](const NodeRef& parent, std::string_view name) -> Node* {
    auto it = by_name_.find(Key{parent->handle, name});
    return it == by_name_.end() ? nullptr : it->second;
  };
  Node* moved = find(old_parent, old_name);
  Node* other = find(new_parent, new_name);
  ++rename_count_;
  ++hidden_epoch_;
  if (moved == other && moved != nullptr) {
    return;  // onto itself
  }
  if (moved != nullptr) {
    UnnameLocked(moved);
  }
  if (other != nullptr) {
    UnnameLocked(other);
  }
  if (moved != nullptr) {
    MoveLocked(moved, new_parent.get(), new_name);
  }
  if (other != nullptr && exchanged) {
    MoveLocked(other, old_parent.get(), old_name);
  }
}

size_t NodeTable::node_count() {
  std::lock_guard guard(lock_);
  return nodes_.size();
}

size_t NodeTable::descriptor_count() {
  std::lock_guard guard(lock_);
  return lru_.size();
}

}  // namespace ukrun::gofer
