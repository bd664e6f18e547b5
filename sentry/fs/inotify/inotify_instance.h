// One inotify(7) instance: its queue of events and its watch descriptors.
//
// InotifyFile (inotify.h) owns it; watches keep it alive until they have ended.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/locked.h"
#include "base/wait_queue.h"
#include "sentry/fs/inotify/inotify_watch.h"
#include "sentry/mm/guest_io.h"

namespace ukrun {

class InotifyInstance : public RefCounted<InotifyInstance> {
 public:
  struct Event {
    int32_t descriptor = 0;
    uint32_t mask = 0;
    uint32_t cookie = 0;
    std::string name = {};

    // As user space reads it: a struct inotify_event with the name behind it.
    size_t bytes() const;
  };
  enum class Tell : uint8_t { kNo, kYes };

  // --- Events.
  // An event equal to the newest one is not queued again.
  void Queue(Event event);
  // As many whole events as fit. Errors: EAGAIN; EINVAL when not even one fits; EFAULT.
  Result<size_t> Read(GuestIo& io);
  bool HasEvents() const { return !state_.Lock()->events.empty(); }
  size_t bytes() const { return state_.Lock()->bytes; }
  WaitQueue& waiters() { return waiters_; }

  // --- Watch descriptors. Add and Forget are the watch lists': called with a list's lock held.
  int32_t Add(RefPtr<Watch> watch);
  // kYes: with an IN_IGNORED event.
  void Forget(int32_t descriptor, Tell tell);
  // Null when there is no such watch.
  RefPtr<Watch> Find(int32_t descriptor) const;
  std::vector<RefPtr<Watch>> AllWatches() const;

 private:
  // fs.inotify.max_queued_events.
  static constexpr size_t kMostEvents = 16'384;

  struct State {
    std::deque<Event> events;
    size_t bytes = 0;
    std::map<int32_t, RefPtr<Watch>> watches;
    int32_t last_descriptor = 0;
  };
  static bool QueueLocked(State& state, Event event);

  mutable Locked<State, LockRank::kFileObject> state_;
  WaitQueue waiters_;
};

}  // namespace ukrun
