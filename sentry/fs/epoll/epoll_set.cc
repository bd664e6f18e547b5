#include "sentry/fs/epoll/epoll_set.h"

#include <algorithm>

#include "base/format.h"
#include "sentry/fs/epoll/epoll_nesting.h"
#include "sentry/syscalls/poll_events.h"

namespace ukrun {
namespace {

constinit std::atomic<int64_t> all_items{0};

}  // namespace

EpollItem::EpollItem(RefPtr<EpollSet> set, File& file, int32_t fd, RefPtr<EpollSet> inner)
    : set_(std::move(set)), file_(file), fd_(fd), inner_(std::move(inner)) {
  all_items.fetch_add(1, std::memory_order_relaxed);
}

EpollItem::~EpollItem() { all_items.fetch_sub(1, std::memory_order_relaxed); }

// In the notifier's thread, under the lock of the file's queue.
void EpollItem::OnReady(Ready ready) {
  uint32_t wanted = events_.load(std::memory_order_acquire) & ~EpollSet::kPrivate;
  if (wanted == 0 || !Any(ready & ReadyFromEvents(wanted)) || !set_->Queue(*this)) {
    return;
  }
  if (set_->Defer()) {
    set_->Ref();  // until Deliver
  }
}

void EpollItem::OnFileGone(File&) {
  auto self = RefPtr<EpollItem>::Adopt(this);  // the observer's reference
  set_->Forget(*this);
}

void EpollSet::Deliver() {
  Wake();
  Unref();
}

void EpollSet::Wake() {
  sleepers_.NotifyOne(Ready::kReadable);
  pollers_.Notify(Ready::kReadable);
}

// --- The ready list.

bool EpollSet::Queue(EpollItem& item, Place place) {
  MutexGuard guard(ready_lock_);
  if (item.gone_) {
    return false;
  }
  if (item.queued_) {
    return true;
  }
  item.queued_ = true;
  ++ready_count_;
  if (place == Place::kBack) {
    item.previous_ = last_ready_;
    item.next_ = nullptr;
  } else {
    item.previous_ = nullptr;
    item.next_ = first_ready_;
  }
  (item.previous_ != nullptr ? item.previous_->next_ : first_ready_) = &item;
  (item.next_ != nullptr ? item.next_->previous_ : last_ready_) = &item;
  return true;
}

void EpollSet::DequeueLocked(EpollItem& item) {
  (item.previous_ != nullptr ? item.previous_->next_ : first_ready_) = item.next_;
  (item.next_ != nullptr ? item.next_->previous_ : last_ready_) = item.previous_;
  item.queued_ = false;
  --ready_count_;
}

RefPtr<EpollItem> EpollSet::PopReady() {
  MutexGuard guard(ready_lock_);
  if (first_ready_ == nullptr) {
    return nullptr;
  }
  auto item = RefPtr<EpollItem>::Share(first_ready_);
  DequeueLocked(*item);
  return item;
}

bool EpollSet::MayBeReady() const {
  MutexGuard guard(ready_lock_);
  return ready_count_ != 0;
}

// --- The table.

// The events to report of an item now. An arrival while the file is being asked queues the
// item again, so none is lost.
uint32_t EpollSet::PollItem(EpollItem& item) {
  uint32_t wanted = item.events_.load(std::memory_order_relaxed) & ~kPrivate;
  if (wanted == 0) {
    return 0;
  }
  if (!item.inner_) {
    return EventsFromReady(item.file_.Readiness(), wanted);
  }
  // Another set: its lock has the rank of this one's.
  if (!item.file_.TryRef()) {
    return 0;
  }
  auto file = RefPtr<File>::Adopt(&item.file_);
  lock_.Unlock();
  Ready ready = file->Readiness();
  file.Reset();
  lock_.Lock();
  MutexGuard guard(ready_lock_);
  return item.gone_ ? 0 : EventsFromReady(ready, wanted);
}

// Queues the item if its file is ready: after it has been added or changed.
void EpollSet::LookAtItem(EpollItem& item) {
  if (PollItem(item) != 0) {
    Queue(item);
  }
}

void EpollSet::Unlink(EpollItem& item) {
  {
    MutexGuard guard(ready_lock_);
    item.gone_ = true;
    if (item.queued_) {
      DequeueLocked(item);
    }
  }
  item.file_.waiters()->Remove(item);
}

// The rest of an item's end, with no lock held.
void EpollSet::Release(EpollItem& item) {
  if (item.inner_) {
    EpollNesting::Remove(*item.set_, *item.inner_);
  }
  if (File::RemoveCloseObserver(item)) {
    item.Unref();
  }
}

Result<void> EpollSet::Add(File& file, int32_t fd, const Interest& interest,
                           const RefPtr<EpollSet>& inner) {
  if (all_items.load(std::memory_order_relaxed) >= kMostItems) {
    return Fail(ENOSPC);
  }
  if (inner) {
    TRY(EpollNesting::Add(*this, *inner));
  }
  Result<RefPtr<EpollItem>> item = Insert(file, fd, interest, inner);
  if (!item.ok()) {
    if (inner) {
      EpollNesting::Remove(*this, *inner);
    }
    return item.failure();
  }
  if (MayBeReady()) {
    Wake();
  }
  return Ok();
}

Result<RefPtr<EpollItem>> EpollSet::Insert(File& file, int32_t fd, const Interest& interest,
                                           const RefPtr<EpollSet>& inner) {
  MutexGuard guard(lock_);
  auto [place, is_new] = items_.try_emplace(Key(&file, fd));
  if (!is_new) {
    return Fail(EEXIST);
  }
  auto item = MakeRef<EpollItem>(RefPtr<EpollSet>::Share(this), file, fd, inner);
  place->second = item;
  item->data_ = interest.data;
  item->events_.store(interest.events, std::memory_order_release);
  item->Ref();  // the observer's
  file.AddCloseObserver(*item);
  file.waiters()->Add(*item, Ready::kAll);
  LookAtItem(*item);
  return item;
}

Result<void> EpollSet::Modify(File& file, int32_t fd, const Interest& interest) {
  RefPtr<EpollItem> item;
  {
    MutexGuard guard(lock_);
    auto found = items_.find(Key(&file, fd));
    if (found == items_.end()) {
      return Fail(ENOENT);
    }
    item = found->second;
    if ((item->events_.load(std::memory_order_relaxed) & abi::kEpollExclusive) != 0) {
      return Fail(EINVAL);
    }
    item->data_ = interest.data;
    // Stored before the file is asked: what happens afterwards is seen by OnReady.
    item->events_.store(interest.events, std::memory_order_seq_cst);
    LookAtItem(*item);
  }
  if (MayBeReady()) {
    Wake();
  }
  return Ok();
}

Result<void> EpollSet::Remove(File& file, int32_t fd) {
  RefPtr<EpollItem> item;
  {
    MutexGuard guard(lock_);
    auto found = items_.find(Key(&file, fd));
    if (found == items_.end()) {
      return Fail(ENOENT);
    }
    item = std::move(found->second);
    items_.erase(found);
    Unlink(*item);
  }
  Release(*item);
  return Ok();
}

// The item's file is on its way out.
void EpollSet::Forget(EpollItem& item) {
  {
    MutexGuard guard(lock_);
    auto found = items_.find(Key(&item.file_, item.fd_));
    // Close() may have been faster.
    if (found == items_.end() || found->second != &item) {
      return;
    }
    items_.erase(found);  // the caller holds a reference
    Unlink(item);
  }
  if (item.inner_) {
    EpollNesting::Remove(*this, *item.inner_);
  }
}

void EpollSet::Close() {
  Items items;
  {
    MutexGuard guard(lock_);
    std::swap(items, items_);
    for (auto& [key, item] : items) {
      Unlink(*item);
    }
  }
  for (auto& [key, item] : items) {
    Release(*item);
  }
}

// --- Waiting.

void EpollSet::ReportItem(RefPtr<EpollItem> item, std::vector<Report>& reports) {
  uint32_t events = PollItem(*item);
  if (events == 0) {
    return;
  }
  uint32_t armed = item->events_.load(std::memory_order_relaxed);
  if ((armed & abi::kEpollOneShot) != 0) {
    item->events_.store(armed & kPrivate, std::memory_order_release);
  } else if ((armed & abi::kEpollEdge) == 0) {
    Queue(*item);
  }
  reports.push_back(Report{events, item->data_, std::move(item), armed});
}

std::vector<EpollSet::Report> EpollSet::Collect(size_t most) {
  std::vector<Report> reports;
  {
    MutexGuard guard(lock_);
    size_t budget = 0;
    {
      MutexGuard ready_guard(ready_lock_);
      budget = ready_count_;
    }
    // Each item once, though those that stay ready are queued again.
    for (; budget > 0 && reports.size() < most; --budget) {
      RefPtr<EpollItem> item = PopReady();
      if (!item) {
        break;
      }
      ReportItem(std::move(item), reports);
    }
  }
  // Events were announced to one sleeper each; what is left is for another.
  if (!reports.empty() && MayBeReady()) {
    sleepers_.NotifyOne(Ready::kReadable);
  }
  return reports;
}

void EpollSet::PutBack(const std::vector<Report>& reports, size_t first) {
  MutexGuard guard(lock_);
  for (size_t i = first; i < reports.size(); ++i) {
    EpollItem& item = *reports[i].item;
    if ((item.events_.load(std::memory_order_relaxed) & ~kPrivate) == 0) {
      item.events_.store(reports[i].armed, std::memory_order_release);
    }
    Queue(item);
  }
}

bool EpollSet::IsReady() {
  MutexGuard guard(lock_);
  // Items that turn out not to be ready leave the list.
  while (RefPtr<EpollItem> item = PopReady()) {
    if (PollItem(*item) != 0) {
      Queue(*item, Place::kFront);
      return true;
    }
  }
  return false;
}

std::string EpollSet::Describe() {
  std::string text;
  MutexGuard guard(lock_);
  for (const auto& [key, item] : items_) {
    AppendFormat(text, "tfd: {:>8} events: {:>8x} data: {:>16x} \n", item->fd_,
                 item->events_.load(std::memory_order_relaxed), item->data_);
  }
  return text;
}

}  // namespace ukrun
