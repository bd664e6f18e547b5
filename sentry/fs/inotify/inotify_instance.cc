#include "sentry/fs/inotify/inotify_instance.h"

#include <sys/inotify.h>

namespace ukrun {
namespace {

// The names behind events are padded to multiples of the header.
constexpr size_t kHeaderBytes = sizeof(inotify_event);

size_t PaddedName(const std::string& name) {
  return name.empty() ? 0 : (name.size() + kHeaderBytes) / kHeaderBytes * kHeaderBytes;
}

std::vector<char> Encode(const InotifyInstance::Event& event) {
  std::vector<char> record(event.bytes());
  inotify_event header{};
  header.wd = event.descriptor;
  header.mask = event.mask;
  header.cookie = event.cookie;
  header.len = static_cast<uint32_t>(PaddedName(event.name));
  std::memcpy(record.data(), &header, kHeaderBytes);
  std::memcpy(record.data() + kHeaderBytes, event.name.data(), event.name.size());
  return record;
}

}  // namespace

size_t InotifyInstance::Event::bytes() const { return kHeaderBytes + PaddedName(name); }

// Returns whether something was queued.
bool InotifyInstance::QueueLocked(State& state, Event event) {
  if (!state.events.empty()) {
    const Event& newest = state.events.back();
    if (newest.descriptor == event.descriptor && newest.mask == event.mask &&
        newest.name == event.name) {
      return false;
    }
    if (state.events.size() >= kMostEvents) {
      // The overflow is told once, as the last event.
      if (newest.mask == IN_Q_OVERFLOW) {
        return false;
      }
      event = Event{.descriptor = -1, .mask = IN_Q_OVERFLOW};
    }
  }
  state.bytes += event.bytes();
  state.events.push_back(std::move(event));
  return true;
}

void InotifyInstance::Queue(Event event) {
  if (QueueLocked(*state_.Lock(), std::move(event))) {
    waiters_.Notify(Ready::kReadable);
  }
}

Result<size_t> InotifyInstance::Read(GuestIo& io) {
  size_t done = 0;
  for (;;) {
    Event event;
    {
      auto state = state_.Lock();
      if (state->events.empty()) {
        return done > 0 ? Result<size_t>(done) : Fail(EAGAIN);
      }
      size_t bytes = state->events.front().bytes();
      if (bytes > io.size()) {
        return done > 0 ? Result<size_t>(done) : Fail(EINVAL);
      }
      state->bytes -= bytes;
      std::swap(event, state->events.front());
      state->events.pop_front();
    }
    // As on Linux, an event that cannot be stored is lost.
    std::vector<char> record = Encode(event);
    if (io.Store(record.data(), record.size()).value_or(0) != record.size()) {
      return Fail(EFAULT);
    }
    done += record.size();
  }
}

int32_t InotifyInstance::Add(RefPtr<Watch> watch) {
  auto state = state_.Lock();
  // Numbers are not used again soon: events of a removed watch may still be queued.
  do {
    state->last_descriptor = state->last_descriptor == INT32_MAX ? 1 : state->last_descriptor + 1;
  } while (state->watches.contains(state->last_descriptor));
  state->watches.emplace(state->last_descriptor, std::move(watch));
  return state->last_descriptor;
}

void InotifyInstance::Forget(int32_t descriptor, Tell tell) {
  bool queued = false;
  {
    auto state = state_.Lock();
    // Not the last reference: the list's lives longer.
    state->watches.erase(descriptor);
    if (tell == Tell::kYes) {
      queued = QueueLocked(*state, Event{.descriptor = descriptor, .mask = IN_IGNORED});
    }
  }
  if (queued) {
    waiters_.Notify(Ready::kReadable);
  }
}

RefPtr<Watch> InotifyInstance::Find(int32_t descriptor) const {
  auto state = state_.Lock();
  auto found = state->watches.find(descriptor);
  return found == state->watches.end() ? nullptr : found->second;
}

std::vector<RefPtr<Watch>> InotifyInstance::AllWatches() const {
  auto state = state_.Lock();
  std::vector<RefPtr<Watch>> watches;
  watches.reserve(state->watches.size());
  for (const auto& [descriptor, watch] : state->watches) {
    watches.push_back(watch);
  }
  return watches;
}

}  // namespace ukrun
