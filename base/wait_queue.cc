#include "base/wait_queue.h"

#include "base/check.h"
#include "base/thread.h"

namespace ukrun {

void WaitQueue::Add(Waiter& waiter, Ready interest) {
  MutexGuard guard(lock_);
  UKRUN_CHECK(waiter.queue_ == nullptr);
  waiter.queue_ = this;
  waiter.interest_ = interest | Ready::kError | Ready::kHangUp;
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
}

void WaitQueue::Remove(Waiter& waiter) {
  MutexGuard guard(lock_);
  if (waiter.queue_ != this) {
    return;
  }
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
  waiter.queue_ = nullptr;
  waiter.previous_ = nullptr;
  waiter.next_ = nullptr;
}

void WaitQueue::NotifyWaiters(Ready ready, Wake wake) {
  MutexGuard guard(lock_);
  for (Waiter* waiter = first_; waiter != nullptr;) {
    Waiter* next = waiter->next_;
    if (Any(waiter->interest_ & ready)) {
      waiter->OnReady(ready);
      if (wake == Wake::kOne) {
        return;
      }
    }
    waiter = next;
  }
}

void WaitQueue::Notify(Ready ready) {
  NotifyWaiters(ready, Wake::kAll);
  DeliverDeferred();
}

void WaitQueue::NotifyOne(Ready ready) {
  NotifyWaiters(ready, Wake::kOne);
  DeliverDeferred();
}

bool DeferredNotification::Defer() {
  if (pending_.exchange(true, std::memory_order_acq_rel)) {
    return false;
  }
  DeferredNotifications& list = CurrentThread().deferred;
  next_ = nullptr;
  (list.last != nullptr ? list.last->next_ : list.first) = this;
  list.last = this;
  return true;
}

// A delivery notifies other queues, which may defer in turn: the list is worked through by
// the outermost call only, so chains of queues use no stack.
void WaitQueue::DeliverDeferred() {
  DeferredNotifications& list = CurrentThread().deferred;
  if (list.first == nullptr || list.delivering) {
    return;
  }
  list.delivering = true;
  while (DeferredNotification* notification = list.first) {
    list.first = notification->next_;
    if (list.first == nullptr) {
      list.last = nullptr;
    }
    // From here on a change is reported anew; changes up to here are about to be.
    notification->pending_.store(false, std::memory_order_release);
    notification->Deliver();
  }
  list.delivering = false;
}

}  // namespace ukrun
