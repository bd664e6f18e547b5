#include "sentry/fs/host/descriptor_cache.h"

#include <vector>

namespace ukrun {

RefPtr<HostDescriptor> DescriptorCache::Find(const void* owner, GoferAccess access) {
  auto state = state_.Lock();
  for (GoferAccess candidate : {access, GoferAccess::kReadWrite}) {
    auto it = state->entries.find(Key{owner, candidate});
    if (it != state->entries.end()) {
      state->by_use.splice(state->by_use.end(), state->by_use, it->second);
      return it->second->descriptor;
    }
  }
  return nullptr;
}

void DescriptorCache::Keep(const void* owner, RefPtr<HostDescriptor> descriptor) {
  // Closed when the lock is free again.
  RefPtr<HostDescriptor> dropped;
  auto state = state_.Lock();
  Key key{owner, descriptor->access()};
  if (state->entries.contains(key)) {
    return;
  }
  auto it = state->by_use.insert(state->by_use.end(), Entry{key, std::move(descriptor)});
  state->entries.emplace(key, it);
  if (state->by_use.size() > limit_) {
    Entry& oldest = state->by_use.front();
    dropped = std::move(oldest.descriptor);
    state->entries.erase(oldest.key);
    state->by_use.pop_front();
  }
  state.Unlock();
}

void DescriptorCache::Drop(const void* owner) {
  std::vector<RefPtr<HostDescriptor>> dropped;
  auto state = state_.Lock();
  auto it = state->entries.lower_bound(Key{owner, GoferAccess::kNone});
  while (it != state->entries.end() && it->first.owner == owner) {
    dropped.push_back(std::move(it->second->descriptor));
    state->by_use.erase(it->second);
    it = state->entries.erase(it);
  }
  state.Unlock();
}

}  // namespace ukrun
