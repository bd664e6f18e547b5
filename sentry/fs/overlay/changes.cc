#include "sentry/fs/overlay/changes.h"

#include "sentry/fs/overlay/overlay_directory.h"
#include "sentry/fs/overlay/overlay_regular.h"

namespace ukrun {
namespace {

struct Visit {
  RefPtr<OverlayDirectory> directory;
  std::string path;  // ends with a slash, but for the root
  // It was moved here: everything in it counts, also what lies unchanged below.
  bool whole = false;
};

class Collector {
 public:
  explicit Collector(OverlayFileSystem& overlay) {
    left_.push_back(Visit{RefPtr<OverlayDirectory>::Share(&overlay.root_directory()), "", false});
  }

  Result<LayerChanges> Run() {
    while (!left_.empty()) {
      Visit visit = std::move(left_.back());
      left_.pop_back();
      TRY(visit.whole ? VisitWhole(visit) : VisitChanged(visit));
    }
    return std::move(changes_);
  }

 private:
  Result<void> VisitChanged(const Visit& visit) {
    for (auto& [name, entry] : visit.directory->Entries()) {
      std::string path = visit.path + name;
      if (!entry.inode) {
        changes_.deleted.push_back(std::move(path));
        continue;
      }
      bool other = entry.inode->is_new() || entry.inode->is_moved();
      if (other && entry.exists_below && IsDirectoryThere(visit, name, *entry.inode)) {
        changes_.deleted.push_back(path);
      }
      Add(std::move(path), entry.inode, entry.inode->is_changed() || entry.inode->is_moved(),
          entry.inode->is_moved());
    }
    return Ok();
  }

  // What is below would shine through a directory, and cannot be copied over with a file.
  static bool IsDirectoryThere(const Visit& visit, std::string_view name, const OverlayInode& now) {
    if (now.type() == S_IFDIR) {
      return true;
    }
    const RefPtr<LowerInode>& below = visit.directory->lower();
    Result<RefPtr<Inode>> found = below ? below->Lookup(name, "") : Fail(ENOENT);
    return found.ok() && (*found)->type() == S_IFDIR;
  }

  Result<void> VisitWhole(const Visit& visit) {
    uint64_t position = ListedDirectory::kFirstPosition;
    for (;;) {
      std::vector<ListedEntry> entries = TRY(visit.directory->List(position));
      if (entries.empty()) {
        return Ok();
      }
      for (const ListedEntry& entry : entries) {
        Result<RefPtr<Inode>> found = visit.directory->Lookup(entry.name, "");
        if (found.ok()) {
          Add(visit.path + entry.name, StaticRefCast<OverlayInode>(*found), true, true);
        }
      }
      position = entries.back().next;
    }
  }

  void Add(std::string path, RefPtr<OverlayInode> inode, bool changed, bool whole) {
    bool directory = inode->type() == S_IFDIR;
    if (directory) {
      left_.push_back(Visit{StaticRefCast<OverlayDirectory>(inode), path + "/", whole});
    }
    if (!directory && !changed) {
      return;
    }
    LayerChange change;
    change.path = std::move(path);
    change.only_leads = !changed;
    if (inode->type() == S_IFREG) {
      change.above = static_cast<OverlayRegular&>(*inode).Above();
      if (!change.above) {
        change.below = inode->lower();
      }
    }
    change.inode = std::move(inode);
    changes_.present.push_back(std::move(change));
  }

  std::vector<Visit> left_;
  LayerChanges changes_;
};

}  // namespace

void LayerChanges::Append(LayerChanges other, std::string_view place) {
  std::string prefix(place.substr(1));
  if (!prefix.empty()) {
    prefix += '/';
  }
  for (LayerChange& change : other.present) {
    change.path.insert(0, prefix);
    present.push_back(std::move(change));
  }
  for (std::string& path : other.deleted) {
    deleted.push_back(prefix + path);
  }
}

Result<LayerChanges> CollectChanges(OverlayFileSystem& overlay) { return Collector(overlay).Run(); }

}  // namespace ukrun
