// The list of what an overlay has changed, for --keep.
#pragma once

#include <string>
#include <vector>

#include "sentry/fs/overlay/overlay_inode.h"

namespace ukrun {

struct OverlayChange {
  std::string path;  // relative to the overlay's root, without a slash in front
  RefPtr<OverlayInode> inode;
  // A directory that only leads to changes further down.
  bool only_leads = false;
};

struct OverlayChanges {
  // Directories before what is in them.
  std::vector<OverlayChange> present;
  std::vector<std::string> deleted;
};

Result<OverlayChanges> CollectChanges(OverlayFileSystem& overlay);

}  // namespace ukrun
