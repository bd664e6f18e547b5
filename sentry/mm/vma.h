// One mapping of a guest address space.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <string>

#include "base/ref_ptr.h"
#include "sentry/mm/mappable.h"
#include "sentry/vfs/path.h"

namespace ukrun {

// A reference to a mappable that counts as a mapping of it.
class MappingRef {
 public:
  MappingRef() = default;
  explicit MappingRef(RefPtr<Mappable> object) : object_(std::move(object)) { Added(); }
  MappingRef(const MappingRef& other) : object_(other.object_) { Added(); }
  MappingRef(MappingRef&& other) noexcept = default;
  MappingRef& operator=(MappingRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~MappingRef() {
    if (object_) {
      object_->MappingRemoved();
    }
  }
  Mappable* get() const { return object_.get(); }
  Mappable* operator->() const { return object_.get(); }
  explicit operator bool() const { return static_cast<bool>(object_); }
  const RefPtr<Mappable>& object() const { return object_; }

 private:
  void Added() {
    if (object_) {
      object_->MappingAdded();
    }
  }
  RefPtr<Mappable> object_;
};

struct Vma {
  uint64_t begin = 0;
  uint64_t end = 0;
  int protection = 0;  // PROT_*
  int max_protection = PROT_READ | PROT_WRITE | PROT_EXEC;
  bool shared = false;
  MappingRef object;    // empty: private anonymous memory
  uint64_t offset = 0;  // of `begin` in the object
  // Bytes from `begin` on whose host pages are mapped. What lies beyond is resolved by
  // faults: it was past the object's end when it was mapped.
  uint64_t resolved = 0;
  Path name;          // the file, for /proc/PID/maps
  std::string label;  // "[heap]", "[stack]", ... when there is no file
  bool locked = false;
  bool dont_fork = false;
  bool wipe_on_fork = false;
  bool dont_dump = false;
  bool grows_down = false;  // MAP_GROWSDOWN, and the first stack

  uint64_t size() const { return end - begin; }
  // The piece [from, to) of this mapping.
  Vma Slice(uint64_t from, uint64_t to) const {
    Vma piece = *this;
    piece.begin = from;
    piece.end = to;
    piece.offset = object ? offset + (from - begin) : 0;
    uint64_t skipped = from - begin;
    uint64_t left = resolved > skipped ? resolved - skipped : 0;
    piece.resolved = left < to - from ? left : to - from;
    return piece;
  }
  // True when `next`, which begins where this ends, describes the same mapping.
  bool Continues(const Vma& next) const {
    return end == next.begin && protection == next.protection && shared == next.shared &&
           max_protection == next.max_protection && object.get() == next.object.get() &&
           (!object || (offset + size() == next.offset && resolved == size())) &&
           label == next.label && locked == next.locked && dont_fork == next.dont_fork &&
           wipe_on_fork == next.wipe_on_fork && dont_dump == next.dont_dump &&
           grows_down == next.grows_down && name == next.name;
  }
};

}  // namespace ukrun
