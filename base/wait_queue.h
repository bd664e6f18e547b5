// Readiness: how file objects tell sleepers, epoll and the poller that something changed.
//
// An object that can become ready has one WaitQueue and calls Notify after its state has
// changed. A Waiter is linked while somebody is interested; its OnReady runs in the
// notifier's thread with the queue's lock held, so it may only set flags, wake a thread or
// take locks of a higher rank than kWaitQueue.
//
// One queue that feeds another (an epoll set is ready because a file in it is) cannot notify
// it from OnReady: that would hold two locks of one rank, and a chain of sets would recurse.
// It defers: the outermost Notify of the thread makes up for it once its lock is released.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/mutex.h"

namespace ukrun {

// Bits of poll(2), which epoll(7) shares.
enum class Ready : uint32_t {
  kNone = 0,
  kReadable = 0x001,
  kPriority = 0x002,
  kWritable = 0x004,
  kError = 0x008,
  kHangUp = 0x010,
  kReadHangUp = 0x2000,
  kAll = 0x201f,
};
constexpr Ready operator|(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
constexpr Ready operator&(Ready a, Ready b) {
  return static_cast<Ready>(static_cast<uint32_t>(a) & static_cast<uint32_t>(b));
}
constexpr Ready& operator|=(Ready& a, Ready b) { return a = a | b; }
constexpr bool Any(Ready ready) { return ready != Ready::kNone; }

class WaitQueue;

class Waiter {
 public:
  Waiter() = default;
  // A waiter must have left its queue before it dies.
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Called under the queue's lock.
  virtual void OnReady(Ready ready) = 0;
  bool linked() const { return queue_ != nullptr; }

 private:
  friend class WaitQueue;
  WaitQueue* queue_ = nullptr;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
  Ready interest_ = Ready::kNone;
};

// A notification that OnReady puts off.
//
// While it is pending, the object must live: whoever calls Defer takes a reference if the
// answer is true, and Deliver gives it up at its end.
class DeferredNotification {
 public:
  DeferredNotification() = default;
  virtual ~DeferredNotification() = default;
  DeferredNotification(const DeferredNotification&) = delete;
  DeferredNotification& operator=(const DeferredNotification&) = delete;

 protected:
  // Called by OnReady only. False when it is pending already, on whatever thread: what this
  // caller has changed before will be seen by that delivery.
  bool Defer();
  // Called without any lock of rank kWaitQueue, but with those that the notifier holds, so it
  // must not take (nor, by giving up references, cause to be taken) others than those that
  // may be taken by Notify itself.
  virtual void Deliver() = 0;

 private:
  friend class WaitQueue;
  std::atomic<bool> pending_{false};
  DeferredNotification* next_ = nullptr;  // in the list of the thread that will deliver it
};

class WaitQueue {
 public:
  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  // Errors and hang-ups are always of interest, as in poll(2).
  void Add(Waiter& waiter, Ready interest);
  void Remove(Waiter& waiter);
  void Notify(Ready ready);
  // Wakes one waiter of those interested (in order of arrival); for wake-one semantics.
  void NotifyOne(Ready ready);

 private:
  enum class Wake : uint8_t { kOne, kAll };
  void NotifyWaiters(Ready ready, Wake wake);
  static void DeliverDeferred();

  Mutex lock_{LockRank::kWaitQueue};
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace ukrun
