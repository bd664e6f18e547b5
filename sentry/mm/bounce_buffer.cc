#include "sentry/mm/bounce_buffer.h"

#include <array>
#include <atomic>

namespace ukrun {
namespace {

// Up to this size the heap's slabs serve without a call to the host.
constexpr size_t kSmall = size_t{16} * 1024;

constinit std::array<std::atomic<char*>, 8> g_spare{};

char* TakeSpare() {
  for (std::atomic<char*>& slot : g_spare) {
    if (slot.load(std::memory_order_relaxed) != nullptr) {
      if (char* buffer = slot.exchange(nullptr, std::memory_order_acquire)) {
        return buffer;
      }
    }
  }
  return nullptr;
}

bool KeepSpare(char* buffer) {
  for (std::atomic<char*>& slot : g_spare) {
    char* expected = nullptr;
    if (slot.compare_exchange_strong(expected, buffer, std::memory_order_release)) {
      return true;
    }
  }
  return false;
}

}  // namespace

BounceBuffer::BounceBuffer(size_t wanted) : size_(std::min(wanted, kLargest)) {
  if (size_ <= kSmall) {
    data_ = new char[size_];
    return;
  }
  data_ = TakeSpare();
  if (data_ == nullptr) {
    data_ = new char[kLargest];
  }
}

BounceBuffer::~BounceBuffer() {
  if (size_ <= kSmall || !KeepSpare(data_)) {
    delete[] data_;
  }
}

}  // namespace ukrun
