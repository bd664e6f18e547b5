#include "gofer/client_channel.h"

#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include <bit>

#include "base/host_call.h"

namespace ukrun {
namespace {

using gofer::kReplyBytes;
using gofer::kRequestBytes;
using gofer::SlotState;

// How long a call sleeps before it looks whether the gofer is still there.
constexpr int64_t kLookEveryNs = 100'000'000;

bool SeveralCpus() {
  unsigned long mask[16] = {};
  long size = RawHostCall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
  int count = 0;
  for (size_t i = 0; size > 0 && i < static_cast<size_t>(size) / sizeof(mask[0]); ++i) {
    count += std::popcount(mask[i]);
  }
  return count > 1;
}

}  // namespace

Result<std::unique_ptr<GoferChannel>> GoferChannel::Create(HostFd memory, HostFd socket,
                                                           void* map_at, BrokenHandler on_broken) {
  long flags = MAP_SHARED | (map_at != nullptr ? MAP_FIXED_NOREPLACE : 0);
  long address = TRY(HostCall(SYS_mmap, map_at, gofer::kChannelBytes, PROT_READ | PROT_WRITE, flags,
                              memory.get(), 0));
  auto* header = reinterpret_cast<gofer::ChannelHeader*>(address);
  return std::unique_ptr<GoferChannel>(
      new GoferChannel(header, std::move(memory), std::move(socket), on_broken));
}

GoferChannel::GoferChannel(gofer::ChannelHeader* header, HostFd memory, HostFd socket,
                           BrokenHandler on_broken)
    : header_(header),
      memory_(std::move(memory)),
      socket_(std::move(socket)),
      on_broken_(on_broken),
      may_spin_(SeveralCpus()) {}

GoferChannel::~GoferChannel() { RawHostCall(SYS_munmap, header_, gofer::kChannelBytes); }

uint8_t* GoferChannel::Memory(size_t offset) const {
  return reinterpret_cast<uint8_t*>(header_) + offset;
}

uint32_t GoferChannel::TakeSlot() {
  static_assert(gofer::kSlots == 32);
  while (true) {
    uint32_t free = free_slots_.load(std::memory_order_relaxed);
    while (free != 0) {
      // The lowest first: its memory has been used before.
      uint32_t slot = static_cast<uint32_t>(std::countr_zero(free));
      if (free_slots_.compare_exchange_weak(free, free & ~(uint32_t{1} << slot),
                                            std::memory_order_acquire)) {
        return slot;
      }
    }
    slot_waiters_.fetch_add(1);
    HostFutexWait(free_slots_, 0);
    slot_waiters_.fetch_sub(1);
  }
}

void GoferChannel::GiveSlot(uint32_t slot) {
  free_slots_.fetch_or(uint32_t{1} << slot);
  if (slot_waiters_.load() != 0) {
    HostFutexWake(free_slots_, 1);
  }
}

GoferChannel::Call::~Call() { channel_.GiveSlot(slot_); }

std::span<uint8_t> GoferChannel::Call::request() {
  return std::span(channel_.Memory(gofer::RequestOffset(slot_)), kRequestBytes);
}

Failure GoferChannel::Call::Garbage(std::string_view reason) {
  channel_.Break(reason);
  return Fail(EIO);
}

Result<void> GoferChannel::Call::Finish(uint32_t method, size_t length) {
  if (channel_.broken()) {
    return Fail(EIO);
  }
  gofer::ChannelHeader& header = *channel_.header_;
  gofer::Slot& slot = header.slots[slot_];
  uint32_t sequence = channel_.next_sequence_.fetch_add(1, std::memory_order_relaxed);
  slot.method.store(method, std::memory_order_relaxed);
  slot.request_length.store(static_cast<uint32_t>(length), std::memory_order_relaxed);
  slot.sequence.store(sequence, std::memory_order_relaxed);
  slot.state.store(static_cast<uint32_t>(SlotState::kRequested), std::memory_order_relaxed);
  header.pending.fetch_or(uint32_t{1} << slot_);
  if (header.spinning.load() == 0 && header.sleepers.load() != 0) {
    HostFutexWake(header.pending, 1);
  }
  channel_.Wait(slot);
  if (channel_.broken()) {
    return Fail(EIO);
  }
  uint32_t error = slot.error.load(std::memory_order_relaxed);
  uint32_t reply_length = slot.reply_length.load(std::memory_order_relaxed);
  uint32_t count = slot.descriptors.load(std::memory_order_relaxed);
  constexpr uint32_t kLargestErrno = 133;
  if (error > kLargestErrno || reply_length > kReplyBytes || count > gofer::kMaxDescriptors ||
      (error != 0 && (reply_length != 0 || count != 0))) {
    return Garbage("the gofer's answer is malformed");
  }
  if (error != 0) {
    return Fail(static_cast<int>(error));
  }
  const uint8_t* reply = channel_.Memory(gofer::ReplyOffset(slot_));
  reply_.assign(reply, reply + reply_length);
  if (count > 0) {
    descriptors_ = TRY(channel_.ReceiveDescriptors(slot_, sequence, count));
  }
  return Ok();
}

bool GoferChannel::SpinUntilReplied(const gofer::Slot& slot) {
  int64_t start = HostClockNs(CLOCK_MONOTONIC);
  int64_t budget = spin_budget_.NextNs();
  int64_t spent = 0;
  do {
    for (int i = 0; i < 64; ++i) {
      if (slot.state.load(std::memory_order_acquire) ==
          static_cast<uint32_t>(SlotState::kReplied)) {
        spin_budget_.Succeeded(spent);
        return true;
      }
      __builtin_ia32_pause();
    }
    spent = HostClockNs(CLOCK_MONOTONIC) - start;
  } while (spent < budget);
  spin_budget_.Failed();
  return false;
}

// Returns when the slot is answered or the channel broken.
void GoferChannel::Wait(gofer::Slot& slot) {
  if (may_spin_ && SpinUntilReplied(slot)) {
    return;
  }
  constexpr uint32_t kAwaited = static_cast<uint32_t>(SlotState::kAwaited);
  uint32_t state = static_cast<uint32_t>(SlotState::kRequested);
  if (slot.state.compare_exchange_strong(state, kAwaited)) {
    state = kAwaited;
  }
  while (state == kAwaited && !broken()) {
    // A dead gofer wakes nobody.
    NoticeEnd();
    if (!broken()) {
      HostFutexWait(slot.state, kAwaited, HostClockNs(CLOCK_MONOTONIC) + kLookEveryNs);
    }
    state = slot.state.load(std::memory_order_acquire);
  }
  if (state != static_cast<uint32_t>(SlotState::kReplied)) {
    Break("the gofer confuses its slots");
  }
}

void GoferChannel::NoticeEnd() {
  pollfd poll_fd{socket_.get(), 0, 0};
  timespec no_time{};
  long ready = RawHostCall(SYS_ppoll, &poll_fd, 1, &no_time, nullptr, 0);
  if (ready > 0 && (poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
    Break("the gofer has ended");
  }
}

void GoferChannel::Break(std::string_view reason) {
  if (broken_.exchange(1, std::memory_order_acq_rel) != 0) {
    return;
  }
  for (gofer::Slot& slot : header_->slots) {
    HostFutexWake(slot.state, INT32_MAX);
  }
  if (on_broken_ != nullptr) {
    on_broken_(reason);
  }
}

Result<std::vector<HostFd>> GoferChannel::ReceiveDescriptors(uint32_t slot, uint32_t sequence,
                                                             uint32_t count) {
  Arrival mine;
  {
    auto arrivals = arrivals_.Lock();
    Arrival& place = arrivals->of_slot[slot];
    // They were sent before the answer, so waiting would be for nothing.
    while (!(place.there && place.sequence == sequence) && ReceiveOne(*arrivals)) {
    }
    mine = std::exchange(place, Arrival{});
  }
  if (!mine.there || mine.sequence != sequence ||
      (!mine.incomplete && mine.descriptors.size() != count)) {
    Break("the gofer did not send the descriptors that it promised");
    return Fail(EIO);
  }
  if (mine.incomplete) {
    return Fail(EMFILE);
  }
  return std::move(mine.descriptors);
}

// Takes one message off the socket. False when there is none, or it is malformed.
bool GoferChannel::ReceiveOne(Arrivals& arrivals) {
  gofer::DescriptorTag tag{};
  iovec part{&tag, sizeof(tag)};
  constexpr size_t kMostBytes = sizeof(int) * gofer::kMaxDescriptors;
  alignas(cmsghdr) char control[CMSG_SPACE(kMostBytes)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  Result<long> size =
      HostCall(SYS_recvmsg, socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (!size.ok()) {
    return false;
  }
  std::vector<HostFd> descriptors;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
      head->cmsg_len >= CMSG_LEN(0)) {
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && i < gofer::kMaxDescriptors; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
      descriptors.emplace_back(fd);
    }
  }
  if (*size != static_cast<long>(sizeof(tag)) || tag.slot >= gofer::kSlots ||
      (message.msg_flags & MSG_TRUNC) != 0) {
    return false;
  }
  Arrival& arrival = arrivals.of_slot[tag.slot];
  arrival.there = true;
  arrival.incomplete = (message.msg_flags & MSG_CTRUNC) != 0;
  arrival.sequence = tag.sequence;
  arrival.descriptors = std::move(descriptors);
  return true;
}

}  // namespace ukrun
