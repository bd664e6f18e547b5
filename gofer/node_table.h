// Nodes: the files that the Sentry holds handles of.
//
// A node is a name in a parent node, and the identity (device and inode number) of what was
// found there. Its O_PATH descriptor is kept while there is room and opened again when it is
// needed, by walking down from an ancestor whose descriptor is there; what is found must have
// the same identity, or the answer is ESTALE. So a host's limit of descriptors does not limit
// the number of nodes, and a handle never comes to mean another file.
//
// The Sentry counts the handles that it was given (`lookups`); a node lives while that count,
// its children or a running call (NodeRef) need it. Handles are never used twice.
//
// Synchronizes itself: one lock, never held over a host call that may sleep.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/host_fd.h"
#include "base/result.h"
#include "gofer/hidden.h"
#include "gofer/types.h"

namespace ukrun::gofer {

struct Attachment;
class NodeTable;

// Shared so that a descriptor that is thrown out of the cache lives on while it is used.
using SharedFd = std::shared_ptr<const HostFd>;

struct Node {
  // Constant after construction.
  uint64_t handle = 0;
  const Attachment* attachment = nullptr;
  uint64_t dev = 0;
  uint64_t ino = 0;
  uint32_t type = 0;  // S_IFMT bits

  // Guarded by the table's lock.
  Node* parent = nullptr;  // null for the root of an attachment
  std::string name;
  bool named = false;                         // the table finds it under parent and name
  const HiddenState* hidden_state = nullptr;  // of a directory, valid in hidden_epoch
  uint64_t hidden_epoch = 0;
  uint64_t lookups = 0;
  uint64_t uses = 0;  // children and NodeRefs
  SharedFd fd;
  std::list<Node*>::iterator lru;  // valid while fd is set and parent isn't null
};

// Keeps a node alive during a call.
class NodeRef {
 public:
  NodeRef() = default;
  NodeRef(NodeTable* table, Node* node) : table_(table), node_(node) {}
  NodeRef(NodeRef&& other) noexcept
      : table_(other.table_), node_(std::exchange(other.node_, nullptr)) {}
  NodeRef& operator=(NodeRef&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodeRef();
  Node* operator->() const { return node_; }
  Node& operator*() const { return *node_; }
  Node* get() const { return node_; }

 private:
  NodeTable* table_ = nullptr;
  Node* node_ = nullptr;
};

class NodeTable {
 public:
  static constexpr size_t kDefaultDescriptors = 4096;

  // `hidden` is used until the end.
  NodeTable(HiddenPaths& hidden, size_t most_descriptors);
  ~NodeTable();

  // The node of an attachment's root, whose descriptor is never given up.
  NodeRef AddRoot(const Attachment* attachment, const GoferAttributes& attributes, HostFd fd,
                  const HiddenState* hidden_state);
  // EBADF for what was never given out, or was given back.
  Result<NodeRef> Find(uint64_t handle);
  // The node for what was found as `name` in `parent`. A node that has the name but another
  // identity loses the name. Counts one lookup when `count_lookup` says so.
  enum class CountLookup : uint8_t { kNo, kYes };
  NodeRef Intern(const NodeRef& parent, std::string_view name, const GoferAttributes& attributes,
                 CountLookup count_lookup);
  void CountLookupOf(const NodeRef& node);
  // Takes back one lookup.
  void Release(uint64_t handle);

  // The node's O_PATH descriptor. ESTALE when the file is not there any more.
  Result<SharedFd> Descriptor(const NodeRef& node);
  // The node's attributes, without opening it where a look from its directory will do.
  Result<GoferAttributes> Attributes(const NodeRef& node);
  const HiddenState* HiddenStateOf(const NodeRef& directory);
  // Its path from its attachment's root, each name behind a slash. ESTALE when it, or a
  // directory above it, has lost its name.
  Result<std::string> PathOf(const NodeRef& node);

  // After a change on the host: nodes follow the file, or lose their name.
  void NoteRemoved(const NodeRef& parent, std::string_view name);
  void NoteRenamed(const NodeRef& old_parent, std::string_view old_name, const NodeRef& new_parent,
                   std::string_view new_name, bool exchanged);

  size_t node_count();
  size_t descriptor_count();

 private:
  friend class NodeRef;
  struct Key {
    uint64_t parent;
    std::string_view name;  // the node's own
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.name) ^ (key.parent * 0x9e3779b97f4a7c15);
    }
  };
  // A step of a path that has to be opened again.
  struct Step {
    NodeRef node;
    std::string name;
  };

  NodeRef RefLocked(Node* node);
  void UnnameLocked(Node* node);
  void MoveLocked(Node* node, Node* parent, std::string_view name);
  void NameLocked(Node* node, Node* parent, std::string_view name);
  void DropDescriptorLocked(Node* node);
  void StoreDescriptorLocked(Node* node, SharedFd fd);
  void TrimLocked(std::vector<SharedFd>& dropped);
  void CollectUnusedLocked(Node* node);
  void Unuse(Node* node);
  // Steps from an ancestor with a descriptor (which is returned) down to `node`.
  SharedFd PathToLocked(Node* node, std::vector<Step>& steps);
  Result<SharedFd> Reopen(const NodeRef& node);

  HiddenPaths& hidden_;
  const size_t most_descriptors_;
  std::mutex lock_;
  // Guarded by lock_.
  std::unordered_map<uint64_t, std::unique_ptr<Node>> nodes_;
  std::unordered_map<Key, Node*, KeyHash> by_name_;
  std::list<Node*> lru_;  // nodes with descriptors, the least recently used first
  uint64_t next_handle_ = 1;
  uint64_t hidden_epoch_ = 1;  // grows when a directory is renamed
  uint64_t rename_count_ = 0;
};

}  // namespace ukrun::gofer
