// Locked<T, rank>: data that can only be reached through its lock.
//
//   Locked<State, LockRank::kPipe> state_;
//   auto state = state_.Lock();   // unlocks at the end of the scope
//   state->bytes += n;
#pragma once

#include <utility>

#include "base/mutex.h"

namespace ukrun {

template <typename T, LockRank kRank>
class Locked {
 public:
  class [[nodiscard]] Guard {
   public:
    explicit Guard(Locked& owner) : owner_(&owner) { owner_->mutex_.Lock(); }
    Guard(Guard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() { Unlock(); }

    // Ends the guard early; it must not be used afterwards.
    void Unlock() {
      if (Locked* owner = std::exchange(owner_, nullptr)) {
        owner->mutex_.Unlock();
      }
    }
    T& operator*() const { return owner_->value_; }
    T* operator->() const { return &owner_->value_; }

   private:
    Locked* owner_;
  };

  template <typename... Args>
  explicit Locked(Args&&... args) : value_(std::forward<Args>(args)...) {}

  Guard Lock() { return Guard(*this); }
  Guard Lock() const { return Guard(const_cast<Locked&>(*this)); }
  Mutex& mutex() const { return mutex_; }
  // For values that are atomic by themselves, and of which any state will do.
  const T& UnlockedValue() const { return value_; }
  // Requires: the caller holds mutex() by other means (LockInOrder).
  T& ValueLocked() { return value_; }

 private:
  mutable Mutex mutex_{kRank};
  T value_;
};

}  // namespace ukrun
