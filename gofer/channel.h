// The memory between the Sentry and the gofer: one memfd, mapped by both.
//
//   ChannelHeader | kSlots request buffers | kSlots reply buffers
//
// A call takes a slot, writes a message (gofer.proto) into its request buffer, sets the
// slot's bit in `pending` and waits for the slot's state to become kReplied. Words that
// somebody may sleep on are futexes without FUTEX_PRIVATE_FLAG. Descriptors travel beside,
// on a SEQPACKET socket, each message with a DescriptorTag, sent before the state changes.
//
// Neither side trusts the other. Every field may change at any time, so each side reads a
// field once, checks its copy, and copies a message out before parsing it. The memfd must
// be sealed against shrinking, or the other side could make an access fault; the gofer
// checks that. A side that breaks these rules harms only itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ukrun::gofer {

inline constexpr uint32_t kSlots = 32;
inline constexpr size_t kRequestBytes = size_t{72} * 1024;  // an xattr of 64 KiB fits
inline constexpr size_t kReplyBytes = size_t{128} * 1024;
// Linux's limit is 253; opens in a batch are the most that is ever sent.
inline constexpr uint32_t kMaxDescriptors = 64;

enum class SlotState : uint32_t {
  kFree = 0,
  kRequested = 1,  // the caller spins or has not looked yet
  kAwaited = 2,    // the caller sleeps on the state and wants to be woken
  kReplied = 3,
};

struct alignas(64) Slot {
  std::atomic<uint32_t> state;  // SlotState
  // Of the request. The sequence is repeated in the descriptors' tag.
  std::atomic<uint32_t> method;
  std::atomic<uint32_t> request_length;
  std::atomic<uint32_t> sequence;
  // Of the reply.
  std::atomic<uint32_t> error;  // an errno; 0 for success
  std::atomic<uint32_t> reply_length;
  std::atomic<uint32_t> descriptors;
};

struct ChannelHeader {
  // Bit N: slot N holds a request that nobody has taken yet. Workers sleep on it.
  alignas(64) std::atomic<uint32_t> pending;
  // Workers that sleep, or are about to.
  alignas(64) std::atomic<uint32_t> sleepers;
  // Not 0: a worker looks at `pending` all the time, and will once more after clearing this;
  // nobody needs to be woken.
  std::atomic<uint32_t> spinning;
  alignas(64) Slot slots[kSlots];
};

// What a message on the socket carries beside its descriptors.
struct DescriptorTag {
  uint32_t slot;
  uint32_t sequence;
};

inline constexpr size_t kChannelHeaderBytes = 4096;
static_assert(sizeof(ChannelHeader) <= kChannelHeaderBytes);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

inline constexpr size_t RequestOffset(uint32_t slot) {
  return kChannelHeaderBytes + slot * kRequestBytes;
}
inline constexpr size_t ReplyOffset(uint32_t slot) {
  return kChannelHeaderBytes + kSlots * kRequestBytes + slot * kReplyBytes;
}
inline constexpr size_t kChannelBytes = ReplyOffset(kSlots);
static_assert(kChannelBytes % 4096 == 0);

}  // namespace ukrun::gofer
