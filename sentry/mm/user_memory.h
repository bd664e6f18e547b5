// Guest memory as system calls see it: typed pointers, and copies that resolve the page
// faults which the kernel itself causes (lazily mapped shared memory).
//
// Copies here may sleep: never under a lock of rank kMemoryManager or higher.
#pragma once

#include <concepts>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "platform/guest_memory.h"

namespace ukrun {

class MemoryManager;

class UserMemory {
 public:
  explicit UserMemory(MemoryManager& manager) : manager_(manager) {}

  // Everything or EFAULT.
  Result<void> Read(void* to, GuestAddr from, size_t size);
  Result<void> Write(GuestAddr to, const void* from, size_t size);
  // As much as can be; EFAULT when that is nothing.
  Result<size_t> ReadSome(void* to, GuestAddr from, size_t size);
  Result<size_t> WriteSome(GuestAddr to, const void* from, size_t size);
  Result<void> Zero(GuestAddr to, size_t size);
  // Up to the terminating zero, which is not kept.
  // Errors: EFAULT; `too_long` (ENAMETOOLONG, E2BIG, ...) when `limit` bytes hold no zero.
  Result<std::string> ReadString(GuestAddr from, size_t limit, int too_long = ENAMETOOLONG);
  // See GuestMemory::CompareExchange32.
  Result<uint32_t> CompareExchange32(GuestAddr address, uint32_t expected, uint32_t desired);

 private:
  MemoryManager& manager_;
};

// Types that may cross: no padding (padding is written out), no pointers, no invariants.
template <typename T>
concept GuestValue = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> &&
    (std::has_unique_object_representations_v<T> || std::floating_point<T>);

template <GuestValue T>
struct UserIn {
  GuestAddr address;
  bool is_null() const { return address.is_null(); }
  Result<T> Load(UserMemory& memory) const {
    T value;
    TRY(memory.Read(&value, address, sizeof(T)));
    return value;
  }
};

template <GuestValue T>
struct UserOut {
  GuestAddr address;
  bool is_null() const { return address.is_null(); }
  Result<void> Store(UserMemory& memory, const T& value) const {
    return memory.Write(address, &value, sizeof(T));
  }
};

template <GuestValue T>
struct UserInOut {
  GuestAddr address;
  bool is_null() const { return address.is_null(); }
  Result<T> Load(UserMemory& memory) const { return UserIn<T>{address}.Load(memory); }
  Result<void> Store(UserMemory& memory, const T& value) const {
    return memory.Write(address, &value, sizeof(T));
  }
};

template <GuestValue T>
struct UserArray {
  GuestAddr address;
  bool is_null() const { return address.is_null(); }
  // The caller has bounded `count`.
  Result<std::vector<T>> Load(UserMemory& memory, size_t count) const {
    std::vector<T> values(count);
    TRY(memory.Read(values.data(), address, count * sizeof(T)));
    return values;
  }
  Result<void> Store(UserMemory& memory, const T* values, size_t count) const {
    return memory.Write(address, values, count * sizeof(T));
  }
  Result<void> StoreAt(UserMemory& memory, size_t index, const T& value) const {
    return memory.Write(address + index * sizeof(T), &value, sizeof(T));
  }
};

struct UserString {
  GuestAddr address;
  static constexpr size_t kPathMax = 4096;
  bool is_null() const { return address.is_null(); }
  // Errors: EFAULT, ENAMETOOLONG.
  Result<std::string> LoadPath(UserMemory& memory) const {
    return memory.ReadString(address, kPathMax);
  }
  Result<std::string> Load(UserMemory& memory, size_t limit, int too_long) const {
    return memory.ReadString(address, limit, too_long);
  }
};

}  // namespace ukrun
