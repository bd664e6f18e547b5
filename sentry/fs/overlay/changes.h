// The lists of what the sandbox has that the host has not, for counting and for --keep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sentry/fs/overlay/lower_inode.h"
#include "sentry/fs/tmpfs/tmpfs_regular.h"

namespace ukrun {

class OverlayFileSystem;

struct LayerChange {
  std::string path;  // relative to the tree's root, without a slash in front
  RefPtr<Inode> inode;
  // Regular files: what has the contents. One of the two is null.
  RefPtr<TmpfsRegular> above;
  RefPtr<LowerInode> below;
  // A directory that only leads to changes further down.
  bool only_leads = false;
};

struct LayerChanges {
  // Directories before what is in them.
  std::vector<LayerChange> present;
  std::vector<std::string> deleted;

  // Adds those of a tree that is mounted at `place`, an absolute path.
  void Append(LayerChanges other, std::string_view place);
};

Result<LayerChanges> CollectChanges(OverlayFileSystem& overlay);

}  // namespace ukrun
