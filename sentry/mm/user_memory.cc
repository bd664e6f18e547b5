#include "sentry/mm/user_memory.h"

#include <algorithm>

#include "sentry/mm/memory_manager.h"

namespace ukrun {
namespace {

// Copies until `size` bytes are done, resolving faults between. `copy` moves up to n bytes
// from position `done` on and says how many.
template <typename Copy>
Result<size_t> CopyWithFaults(MemoryManager& manager, GuestAddr address, size_t size, Access access,
                              Copy copy) {
  size_t done = 0;
  while (done < size) {
    Result<size_t> copied = copy(done);
    if (copied.ok()) {
      done += *copied;
      if (done == size) {
        break;
      }
    }
    if (manager.HandleFault(address.value() + done, access) != FaultOutcome::kResolved) {
      return done > 0 ? Result<size_t>(done) : Fail(EFAULT);
    }
  }
  return done;
}

}  // namespace

Result<size_t> UserMemory::ReadSome(void* to, GuestAddr from, size_t size) {
  GuestMemory& memory = manager_.space().memory();
  return CopyWithFaults(manager_, from, size, Access::kRead, [&](size_t done) {
    return memory.CopyIn(static_cast<char*>(to) + done, from + done, size - done);
  });
}

Result<size_t> UserMemory::WriteSome(GuestAddr to, const void* from, size_t size) {
  GuestMemory& memory = manager_.space().memory();
  return CopyWithFaults(manager_, to, size, Access::kWrite, [&](size_t done) {
    return memory.CopyOut(to + done, static_cast<const char*>(from) + done, size - done);
  });
}

Result<void> UserMemory::Read(void* to, GuestAddr from, size_t size) {
  if (TRY(ReadSome(to, from, size)) != size) {
    return Fail(EFAULT);
  }
  return Ok();
}

Result<void> UserMemory::Write(GuestAddr to, const void* from, size_t size) {
  if (TRY(WriteSome(to, from, size)) != size) {
    return Fail(EFAULT);
  }
  return Ok();
}

Result<void> UserMemory::Zero(GuestAddr to, size_t size) {
  static constexpr char kZeros[kPageSize] = {};
  while (size > 0) {
    size_t piece = std::min(size, sizeof(kZeros));
    TRY(Write(to, kZeros, piece));
    to = to + piece;
    size -= piece;
  }
  return Ok();
}

Result<std::string> UserMemory::ReadString(GuestAddr from, size_t limit, int too_long) {
  std::string text;
  char buffer[256];
  while (text.size() < limit) {
    // Never across a page at once: the string may end just before an unmapped one.
    uint64_t at = from.value() + text.size();
    size_t piece = std::min({sizeof(buffer), limit - text.size(),
                             static_cast<size_t>(kPageSize - (at & (kPageSize - 1)))});
    size_t got = TRY(ReadSome(buffer, GuestAddr(at), piece));
    for (size_t i = 0; i < got; ++i) {
      if (buffer[i] == '\0') {
        text.append(buffer, i);
        return text;
      }
    }
    text.append(buffer, got);
  }
  return Fail(too_long);
}

Result<uint32_t> UserMemory::CompareExchange32(GuestAddr address, uint32_t expected,
                                               uint32_t desired) {
  GuestMemory& memory = manager_.space().memory();
  for (;;) {
    Result<uint32_t> old = memory.CompareExchange32(address, expected, desired);
    if (!old.Is(EFAULT) ||
        manager_.HandleFault(address.value(), Access::kWrite) != FaultOutcome::kResolved) {
      return old;
    }
  }
}

}  // namespace ukrun
