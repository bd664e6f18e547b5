// The interest list and the ready list of one epoll(7) instance.
//
// EpollFile (epoll.h) owns it; items, and notifications on their way, keep it alive a little
// longer, but empty.
//
// Locks, outermost first:
//   kEpollNesting   which sets are in which (epoll_nesting.h)
//   kEpoll          the table; held while files are asked whether they are ready
//   ... locks of files ...
//   kWaitQueue      of a file that becomes ready: EpollItem::OnReady
//   kEpollReady     the ready list
//
// Why files may be asked without holding references to them: an item leaves the table, under
// its lock, before its file is freed (EpollItem::OnFileGone), so what is found in the table
// with the lock held is whole. Sets that are files in other sets are the exception, as asking
// them takes their own lock of the same rank: the outer lock is released meanwhile, and a
// reference is held.
#pragma once

#include <map>
#include <vector>

#include "abi/epoll.h"
#include "base/mutex.h"
#include "base/ref_ptr.h"
#include "base/wait_queue.h"
#include "sentry/vfs/file.h"

namespace ukrun {

class EpollSet;

// One registration: a file under the number that it was added by.
class EpollItem final : public RefCounted<EpollItem>, public Waiter, public File::CloseObserver {
 public:
  EpollItem(RefPtr<EpollSet> set, File& file, int32_t fd, RefPtr<EpollSet> inner);
  ~EpollItem() override;

  void OnReady(Ready ready) override;
  void OnFileGone(File& file) override;

 private:
  friend class EpollSet;

  // Constant after construction.
  const RefPtr<EpollSet> set_;
  File& file_;
  const int32_t fd_;
  const RefPtr<EpollSet> inner_;  // when the file is an epoll set itself

  // Written under the set's lock. Without bits besides kPrivate it is disarmed.
  std::atomic<uint32_t> events_{0};
  uint64_t data_ = 0;

  // Guarded by the set's ready lock.
  bool gone_ = false;
  bool queued_ = false;
  EpollItem* previous_ = nullptr;
  EpollItem* next_ = nullptr;
};

class EpollSet final : public RefCounted<EpollSet>, public DeferredNotification {
 public:
  EpollSet() = default;
  ~EpollSet() override = default;

  struct Interest {
    uint32_t events = 0;
    uint64_t data = 0;
  };
  // What epoll_wait(2) reports of one item.
  struct Report {
    uint32_t events = 0;
    uint64_t data = 0;
    RefPtr<EpollItem> item;
    uint32_t armed = 0;  // the item's events before
  };

  // --- epoll_ctl(2). The caller holds a reference to `file`, which has waiters(). `inner` is
  // its set when it is an epoll file.
  // Errors: EEXIST; ENOENT; ELOOP; ENOSPC; EINVAL (changing an exclusive item).
  Result<void> Add(File& file, int32_t fd, const Interest& interest, const RefPtr<EpollSet>& inner);
  Result<void> Modify(File& file, int32_t fd, const Interest& interest);
  Result<void> Remove(File& file, int32_t fd);

  // --- epoll_wait(2).
  // Up to `most` events of what is ready now. Those that stay ready go to the list's end.
  std::vector<Report> Collect(size_t most);
  // The reports from number `first` on could not be delivered: they count as not made.
  void PutBack(const std::vector<Report>& reports, size_t first);
  // May be true although Collect finds nothing.
  bool MayBeReady() const;
  // Whether Collect would find anything.
  bool IsReady();
  // Those who sleep in epoll_wait; one is woken at a time.
  WaitQueue& sleepers() { return sleepers_; }
  // Those who poll the set as a file; all are told.
  WaitQueue& pollers() { return pollers_; }

  // The file is gone: forgets everything.
  void Close();
  // Lines of /proc/PID/fdinfo.
  std::string Describe();

 private:
  friend class EpollItem;
  friend class EpollNesting;
  using Key = std::pair<File*, int32_t>;
  using Items = std::map<Key, RefPtr<EpollItem>>;
  // Bits that say how to report, not what.
  static constexpr uint32_t kPrivate =
      abi::kEpollExclusive | abi::kEpollWakeUp | abi::kEpollOneShot | abi::kEpollEdge;
  // Registrations in the sandbox (fs.epoll.max_user_watches).
  static constexpr int64_t kMostItems = 1'000'000;

  void Deliver() override;
  void Wake();
  Result<RefPtr<EpollItem>> Insert(File& file, int32_t fd, const Interest& interest,
                                   const RefPtr<EpollSet>& inner);
  void Forget(EpollItem& item);
  static void Release(EpollItem& item);

  // --- Require lock_ held.
  // May release it for a while, when the file is a set.
  uint32_t PollItem(EpollItem& item);
  void LookAtItem(EpollItem& item);
  void Unlink(EpollItem& item);
  void ReportItem(RefPtr<EpollItem> item, std::vector<Report>& reports);

  // --- Take ready_lock_.
  enum class Place : uint8_t { kFront, kBack };
  // False when the item has left the set.
  bool Queue(EpollItem& item, Place place = Place::kBack);
  RefPtr<EpollItem> PopReady();
  void DequeueLocked(EpollItem& item);

  Mutex lock_{LockRank::kEpoll};
  Items items_;

  mutable Mutex ready_lock_{LockRank::kEpollReady};
  EpollItem* first_ready_ = nullptr;
  EpollItem* last_ready_ = nullptr;
  size_t ready_count_ = 0;

  // Guarded by the nesting lock. With repetitions; not owned: an edge goes before its ends.
  std::vector<EpollSet*> inner_sets_;
  std::vector<EpollSet*> outer_sets_;

  WaitQueue sleepers_;
  WaitQueue pollers_;
};

}  // namespace ukrun
