// RefPtr<T>: an owning pointer to an object that counts its own references.
//
// T derives from RefCounted<T> (or has Ref/Unref). The count starts at one, owned by
// the RefPtr that MakeRef returns. Counting is atomic; the object is not protected.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace ukrun {

template <typename T>
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void Ref() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void Unref() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete static_cast<const T*>(this);
    }
  }
  // Takes a reference unless the object is already on its way out. For tables that hold
  // objects without owning them; the caller must hold the lock under which T's destructor
  // removes itself from the table.
  bool TryRef() const {
    uint32_t count = count_.load(std::memory_order_relaxed);
    while (count != 0) {
      if (count_.compare_exchange_weak(count, count + 1, std::memory_order_acq_rel)) {
        return true;
      }
    }
    return false;
  }
  uint32_t ref_count() const { return count_.load(std::memory_order_relaxed); }

 protected:
  ~RefCounted() = default;
  // Gives one reference up; true when it was the last. For types with an Unref of their own.
  bool DropReference() const { return count_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  mutable std::atomic<uint32_t> count_{1};
};

template <typename T>
class RefPtr {
 public:
  constexpr RefPtr() = default;
  constexpr RefPtr(std::nullptr_t) {}  // NOLINT: null is a pointer
  RefPtr(const RefPtr& other) : pointer_(other.pointer_) { RefIfSet(); }
  RefPtr(RefPtr&& other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
  template <typename U>
  requires std::is_convertible_v<U*, T*> RefPtr(const RefPtr<U>& other)
      : pointer_(other.get()) {  // NOLINT: upcast
    RefIfSet();
  }
  template <typename U>
  requires std::is_convertible_v<U*, T*> RefPtr(RefPtr<U>&& other)
  noexcept : pointer_(other.Release()) {}  // NOLINT: upcast
  ~RefPtr() { Reset(); }

  RefPtr& operator=(RefPtr other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }

  // Takes over one reference that the caller owns.
  static RefPtr Adopt(T* pointer) {
    RefPtr result;
    result.pointer_ = pointer;
    return result;
  }
  // Adds a reference of its own.
  static RefPtr Share(T* pointer) {
    RefPtr result;
    result.pointer_ = pointer;
    result.RefIfSet();
    return result;
  }

  void Reset() {
    if (T* old = std::exchange(pointer_, nullptr)) {
      old->Unref();
    }
  }
  [[nodiscard]] T* Release() { return std::exchange(pointer_, nullptr); }

  T* get() const { return pointer_; }
  T& operator*() const { return *pointer_; }
  T* operator->() const { return pointer_; }
  explicit operator bool() const { return pointer_ != nullptr; }
  template <typename U>
  friend bool operator==(const RefPtr& a, const RefPtr<U>& b) {
    return a.get() == b.get();
  }
  friend bool operator==(const RefPtr& a, const T* b) { return a.pointer_ == b; }
  friend bool operator==(const RefPtr& a, std::nullptr_t) { return a.pointer_ == nullptr; }

 private:
  void RefIfSet() const {
    if (pointer_ != nullptr) {
      pointer_->Ref();
    }
  }

  T* pointer_ = nullptr;
};

template <typename T, typename... Args>
RefPtr<T> MakeRef(Args&&... args) {
  return RefPtr<T>::Adopt(new T(std::forward<Args>(args)...));
}

// For objects whose type is known by other means (no RTTI in kernel code).
template <typename T, typename U>
RefPtr<T> StaticRefCast(const RefPtr<U>& from) {
  return RefPtr<T>::Share(static_cast<T*>(from.get()));
}

}  // namespace ukrun
