// A bounded cache of donated descriptors.
//
// The host limits how many descriptors the sandbox may have; guests may open more files
// than that. So an open file holds its inode, and the descriptor is looked for here, or
// asked for again.
#pragma once

#include <list>
#include <map>

#include "base/locked.h"
#include "sentry/fs/host/host_descriptor.h"

namespace ukrun {

class DescriptorCache {
 public:
  explicit DescriptorCache(size_t limit) : limit_(limit) {}

  // One that allows `access`; null when there is none.
  RefPtr<HostDescriptor> Find(const void* owner, GoferAccess access);
  void Keep(const void* owner, RefPtr<HostDescriptor> descriptor);
  // The owner goes away.
  void Drop(const void* owner);

 private:
  struct Key {
    const void* owner;
    GoferAccess access;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    Key key;
    RefPtr<HostDescriptor> descriptor;
  };
  struct State {
    std::list<Entry> by_use;  // the least recently used first
    std::map<Key, std::list<Entry>::iterator> entries;
  };

  const size_t limit_;
  Locked<State, LockRank::kFileObject> state_;
};

}  // namespace ukrun
