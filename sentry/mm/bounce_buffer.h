// A kernel buffer for one transfer between a host descriptor and guest memory.
//
// Big ones are kept for the next transfer: giving their pages back to the host and taking
// them again would cost more than the copy.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ukrun {

class BounceBuffer {
 public:
  static constexpr size_t kLargest = size_t{256} * 1024;

  // Room for `wanted` bytes, or for kLargest if that is less.
  explicit BounceBuffer(size_t wanted);
  ~BounceBuffer();
  BounceBuffer(const BounceBuffer&) = delete;
  BounceBuffer& operator=(const BounceBuffer&) = delete;

  char* data() { return data_; }
  size_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ukrun
