#include "sentry/fs/inotify/inotify_watch.h"

#include <algorithm>

#include "sentry/fs/inotify/inotify_instance.h"

namespace ukrun {
namespace {

// fs.inotify.max_user_watches.
constexpr uint32_t kMostWatches = 524'288;
// Bits of a watch's mask that say how to report.
constexpr uint32_t kOptions = IN_ONESHOT | IN_EXCL_UNLINK;
// The end of the watched inode.
constexpr uint32_t kLast = IN_DELETE_SELF | IN_UNMOUNT;

enum class Fate : uint8_t { kStays, kEnds };

// Tells the watch's instance, if it asked for the event.
Fate Report(const Watch& watch, const FileEvent& event) {
  bool excluded = event.unlinked && !event.name.empty() && (watch.mask & IN_EXCL_UNLINK) != 0;
  bool wanted = (event.mask & watch.mask & IN_ALL_EVENTS) != 0 && !excluded;
  if (wanted) {
    // As on Linux, what happens to the watched object itself comes without IN_ISDIR.
    bool self = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    uint32_t mask = self ? event.mask & ~uint32_t{IN_ISDIR} : event.mask;
    watch.instance->Queue(
        InotifyInstance::Event{watch.descriptor, mask, event.cookie, std::string(event.name)});
  }
  bool ends = (event.mask & kLast) != 0 || (wanted && (watch.mask & IN_ONESHOT) != 0);
  return ends ? Fate::kEnds : Fate::kStays;
}

}  // namespace

Watch::Watch(RefPtr<InotifyInstance> the_instance, Path the_path, WatchList& the_list)
    : instance(std::move(the_instance)), path(std::move(the_path)), list(the_list) {
  active_watches.fetch_add(1);
}

Watch::~Watch() { active_watches.fetch_sub(1); }

WatchList& WatchList::Of(Inode& inode) {
  RefPtr<InodeAttachment> list =
      inode.attachments().GetOrSet(Inode::Attachments::Slot::kWatches, MakeRef<WatchList>());
  // The inode keeps it from now on.
  return static_cast<WatchList&>(*list);
}

void WatchList::OnEvent(const FileEvent& event) {
  Watches ended;  // freed after the lock
  auto watches = watches_.Lock();
  for (size_t i = 0; i < watches->size();) {
    Watch& watch = *(*watches)[i];
    if (Report(watch, event) == Fate::kStays) {
      ++i;
      continue;
    }
    watch.instance->Forget(watch.descriptor, InotifyInstance::Tell::kYes);
    ended.push_back(std::move((*watches)[i]));
    watches->erase(watches->begin() + static_cast<Watches::difference_type>(i));
  }
  watches.Unlock();
}

Result<int32_t> WatchList::AddOrChange(const RefPtr<InotifyInstance>& instance, const Path& path,
                                       uint32_t mask) {
  auto watches = watches_.Lock();
  auto found = std::find_if(watches->begin(), watches->end(), [&](const RefPtr<Watch>& watch) {
    return watch->instance == instance;
  });
  uint32_t kept = mask & (IN_ALL_EVENTS | kOptions);
  if (found != watches->end()) {
    Watch& watch = **found;
    if ((mask & IN_MASK_CREATE) != 0) {
      return Fail(EEXIST);
    }
    watch.mask = (mask & IN_MASK_ADD) != 0 ? watch.mask | kept : kept;
    return watch.descriptor;
  }
  if (active_watches.load() >= kMostWatches) {
    return Fail(ENOSPC);
  }
  auto watch = MakeRef<Watch>(instance, path, *this);
  watch->mask = kept;
  watch->descriptor = instance->Add(watch);
  watches->push_back(watch);
  return watch->descriptor;
}

bool WatchList::Remove(Watch& watch, Tell tell) {
  RefPtr<Watch> ended;  // freed after the lock
  auto watches = watches_.Lock();
  auto found = std::find(watches->begin(), watches->end(), &watch);
  if (found == watches->end()) {
    return false;
  }
  ended = std::move(*found);
  watches->erase(found);
  watch.instance->Forget(watch.descriptor, tell == Tell::kYes ? InotifyInstance::Tell::kYes
                                                              : InotifyInstance::Tell::kNo);
  watches.Unlock();
  return true;
}

uint32_t WatchList::MaskOf(const Watch& watch) {
  auto watches = watches_.Lock();
  return watch.mask;
}

}  // namespace ukrun
