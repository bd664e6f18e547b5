// Names of paths: the way up from a dentry to a root, as text.
#include "sentry/vfs/mount_table.h"
#include "sentry/vfs/rename_sequence.h"
#include "sentry/vfs/vfs.h"

namespace ukrun {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr std::string_view kUnreachable = "(unreachable)";
// Renames keep a climb from being consistent only while they go on; a storm of them must
// not hold it up for ever.
constexpr int kMostAttempts = 100;

struct Climb {
  // Components from the bottom up.
  std::vector<std::string> names;
  bool reached_root = false;
};

Climb ClimbFrom(Path path, const Path& root) {
  Climb climb;
  for (;;) {
    if (path == root) {
      climb.reached_root = true;
      return climb;
    }
    if (StepOutOfMounts(path)) {
      continue;
    }
    auto [parent, name] = path.dentry->ParentAndName();
    if (!parent) {
      return climb;
    }
    climb.names.push_back(std::move(name));
    path.dentry = std::move(parent);
  }
}

}  // namespace

std::string PathName(const Path& path, const Path& root) {
  if (!path.dentry) {
    return {};
  }
  if (path.dentry->detached()) {
    return path.dentry->name();
  }
  Climb climb;
  uint64_t seen = 0;
  int attempts = 0;
  do {
    seen = RenameSequence::Begin();
    climb = ClimbFrom(path, root);
  } while (RenameSequence::Changed(seen) && ++attempts < kMostAttempts);

  std::string text(climb.reached_root ? std::string_view() : kUnreachable);
  if (climb.names.empty()) {
    text += '/';
  }
  for (auto name = climb.names.rbegin(); name != climb.names.rend(); ++name) {
    text += '/';
    text += *name;
  }
  if (path.dentry->unlinked()) {
    text += kDeleted;
  }
  return text;
}

}  // namespace ukrun
