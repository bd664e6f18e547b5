#include "sentry/vfs/mount_table.h"

#include <algorithm>

#include "base/check.h"
#include "sentry/vfs/dentry_cache.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

struct MountPoint {
  const Mount* mount;
  const Dentry* dentry;
  auto operator<=>(const MountPoint&) const = default;
};

// Made with the first mount; never freed.
struct MountTable {
  std::map<MountPoint, RefPtr<Mount>> by_place;
  std::vector<RefPtr<Mount>> in_order;
};

constinit Mutex table_lock(LockRank::kMountTable);
constinit MountTable* table = nullptr;
constinit uint64_t last_mount_id = 0;

RefPtr<Mount> NewMountLocked(const MountRequest& request) {
  RefPtr<Dentry> root =
      request.root ? request.root : Dentry::CreateRoot(request.file_system->root());
  return MakeRef<Mount>(request.file_system, std::move(root), request.flags, ++last_mount_id,
                        request.source);
}

bool IsMountRootLocked(const Path& path) { return path.mount && path.mount->root() == path.dentry; }

}  // namespace

Path CreateRootMount(const MountRequest& request) {
  MutexGuard guard(table_lock);
  UKRUN_CHECK(table == nullptr);
  table = new MountTable();
  RefPtr<Mount> mount = NewMountLocked(request);
  table->in_order.push_back(mount);
  return Path{mount, mount->root()};
}

Result<RefPtr<Mount>> AttachMount(const Path& where, const MountRequest& request) {
  Path place = where;
  StepIntoMounts(place);
  RefPtr<Inode> covered = place.dentry->inode();
  if (!place.mount || !covered) {
    return Fail(EINVAL);
  }
  if (place.dentry->unlinked()) {
    return Fail(ENOENT);
  }
  uint32_t root_type =
      request.root ? request.root->inode()->type() : request.file_system->root()->type();
  if ((covered->type() == S_IFDIR) != (root_type == S_IFDIR)) {
    return Fail(ENOTDIR);
  }
  MutexGuard guard(table_lock);
  RefPtr<Mount> mount = NewMountLocked(request);
  auto [entry, inserted] =
      table->by_place.try_emplace(MountPoint{place.mount.get(), place.dentry.get()}, mount);
  if (!inserted) {
    return Fail(EBUSY);  // somebody else was faster
  }
  mount->parent = place.mount;
  mount->mount_point = place.dentry;
  place.dentry->AddMountHere(1);
  table->in_order.push_back(mount);
  return mount;
}

Result<void> DetachMount(const Path& where) {
  // What the mount held is released after the lock.
  RefPtr<Mount> detached;
  RefPtr<Mount> parent;
  RefPtr<Dentry> mount_point;
  {
    MutexGuard guard(table_lock);
    if (!IsMountRootLocked(where)) {
      return Fail(EINVAL);
    }
    Mount& mount = *where.mount;
    if (!mount.parent) {
      return Fail(EBUSY);
    }
    for (const RefPtr<Mount>& other : table->in_order) {
      if (other->parent == &mount) {
        return Fail(EBUSY);
      }
    }
    auto entry = table->by_place.find(MountPoint{mount.parent.get(), mount.mount_point.get()});
    if (entry == table->by_place.end() || entry->second != &mount) {
      return Fail(EINVAL);
    }
    detached = entry->second;
    table->by_place.erase(entry);
    std::erase_if(table->in_order, [&](const RefPtr<Mount>& m) { return m == &mount; });
    mount.mount_point->AddMountHere(-1);
    std::swap(parent, mount.parent);
    std::swap(mount_point, mount.mount_point);
  }
  DentryCache::ForgetAll(&detached->file_system());
  return Ok();
}

std::vector<RefPtr<Mount>> AllMounts() {
  MutexGuard guard(table_lock);
  return table == nullptr ? std::vector<RefPtr<Mount>>() : table->in_order;
}

bool StepIntoMounts(Path& path) {
  bool moved = false;
  while (path.dentry->has_mounts()) {
    RefPtr<Mount> mounted;
    {
      MutexGuard guard(table_lock);
      auto entry = table->by_place.find(MountPoint{path.mount.get(), path.dentry.get()});
      if (entry == table->by_place.end()) {
        break;  // mounted over elsewhere, where the same dentry shows through another mount
      }
      mounted = entry->second;
    }
    path = Path{mounted, mounted->root()};
    moved = true;
  }
  return moved;
}

bool StepOutOfMounts(Path& path) {
  bool moved = false;
  while (path.mount && path.dentry == path.mount->root()) {
    Path outside;
    {
      MutexGuard guard(table_lock);
      if (!path.mount->parent) {
        break;
      }
      outside = Path{path.mount->parent, path.mount->mount_point};
    }
    path = outside;
    moved = true;
  }
  return moved;
}

}  // namespace ukrun
