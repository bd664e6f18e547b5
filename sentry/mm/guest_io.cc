#include "sentry/mm/guest_io.h"

#include <algorithm>
#include <bit>

namespace ukrun {
namespace {

constexpr size_t kZerosBytes = 16 * 1024;
constexpr char kZeros[kZerosBytes] = {};

// Kernel buffers are segments too, by their address.
char* KernelAddress(uint64_t address) { return std::bit_cast<char*>(address); }

}  // namespace

GuestIo::GuestIo(UserMemory& memory, GuestAddr address, size_t size)
    : memory_(&memory), segments_{Segment{address.value(), size}}, remaining_(size) {}

GuestIo::GuestIo(UserMemory& memory, std::vector<Segment> segments)
    : memory_(&memory), segments_(std::move(segments)) {
  for (const Segment& segment : segments_) {
    remaining_ += segment.size;
  }
}

GuestIo::GuestIo(std::span<std::byte> buffer)
    : memory_(nullptr),
      segments_{Segment{std::bit_cast<uint64_t>(buffer.data()), buffer.size()}},
      remaining_(buffer.size()) {}

// Calls copy(address, done, n) for piece after piece; it says how much of n it moved.
template <typename Copy>
Result<size_t> GuestIo::Transfer(size_t size, Copy copy) {
  size = std::min(size, remaining_);
  size_t moved = 0;
  while (moved < size) {
    const Segment& segment = segments_[index_];
    size_t piece = std::min(size - moved, static_cast<size_t>(segment.size) - offset_);
    size_t copied = 0;
    if (piece > 0) {
      Result<size_t> result = copy(segment.address + offset_, moved, piece);
      if (!result.ok()) {
        return moved > 0 ? Result<size_t>(moved) : result.failure();
      }
      copied = *result;
    }
    moved += copied;
    offset_ += copied;
    remaining_ -= copied;
    done_ += copied;
    if (copied < piece) {
      break;
    }
    if (offset_ == segment.size) {
      ++index_;
      offset_ = 0;
    }
  }
  return moved;
}

Result<size_t> GuestIo::Store(const void* from, size_t size) {
  const char* source = static_cast<const char*>(from);
  return Transfer(size, [&](uint64_t address, size_t done, size_t n) -> Result<size_t> {
    if (memory_ == nullptr) {
      std::memcpy(KernelAddress(address), source + done, n);
      return n;
    }
    return memory_->WriteSome(GuestAddr(address), source + done, n);
  });
}

Result<size_t> GuestIo::StoreZeros(size_t size) {
  size_t done = 0;
  while (done < size && remaining_ > 0) {
    size_t piece = std::min(size - done, kZerosBytes);
    Result<size_t> stored = Store(kZeros, piece);
    if (!stored.ok()) {
      return done > 0 ? Result<size_t>(done) : stored;
    }
    done += *stored;
    if (*stored < piece) {
      break;
    }
  }
  return done;
}

Result<size_t> GuestIo::Load(void* to, size_t size) {
  char* target = static_cast<char*>(to);
  return Transfer(size, [&](uint64_t address, size_t done, size_t n) -> Result<size_t> {
    if (memory_ == nullptr) {
      std::memcpy(target + done, KernelAddress(address), n);
      return n;
    }
    return memory_->ReadSome(target + done, GuestAddr(address), n);
  });
}

Result<void> GuestIo::StoreU64(uint64_t value) {
  return TRY(Store(&value, sizeof(value))) == sizeof(value) ? Ok() : Fail(EFAULT);
}

Result<uint64_t> GuestIo::LoadU64() {
  uint64_t value = 0;
  if (TRY(Load(&value, sizeof(value))) != sizeof(value)) {
    return Fail(EFAULT);
  }
  return value;
}

void GuestIo::Truncate(size_t size) { remaining_ = std::min(remaining_, size); }

void GuestIo::Rewind() {
  remaining_ += done_;
  done_ = 0;
  index_ = 0;
  offset_ = 0;
}

}  // namespace ukrun
