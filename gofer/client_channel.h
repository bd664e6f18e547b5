// GoferChannel: the Sentry's end of the channel (channel.h): slots, waiting, descriptors.
//
// A Call takes a slot, its user encodes a message into request(), Finish sends
// it and waits, the user decodes reply(). Any number of kernel threads at once; when there are
// more than slots, they wait for one. Whatever the gofer does wrong breaks the channel for good.
//
// Synchronizes itself. Lock rank kGofer, only for descriptors; never held while waiting.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/host_fd.h"
#include "base/locked.h"
#include "base/result.h"
#include "gofer/channel.h"
#include "gofer/spin_budget.h"

namespace ukrun {

class GoferChannel {
 public:
  using BrokenHandler = void (*)(std::string_view reason);

  static Result<std::unique_ptr<GoferChannel>> Create(HostFd memory, HostFd socket, void* map_at,
                                                      BrokenHandler on_broken);
  ~GoferChannel();

  // A call under way. Gives its slot back at the end; the gofer may still write there then, if
  // the channel is broken, but on a broken channel nobody reads.
  class Call {
   public:
    explicit Call(GoferChannel& channel) : channel_(channel), slot_(channel.TakeSlot()) {}
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call();

    // Where the request is written. Shared with the gofer; write only.
    std::span<uint8_t> request();
    // Sends the request of `length` bytes and waits. The errno that the gofer answered, or EIO.
    Result<void> Finish(uint32_t method, size_t length);
    // After Finish: a private copy of the answer, and the descriptors that came with it.
    std::span<const uint8_t> reply() const { return reply_; }
    std::vector<HostFd>& descriptors() { return descriptors_; }
    // The answer makes no sense.
    Failure Garbage(std::string_view reason);

   private:
    GoferChannel& channel_;
    uint32_t slot_;
    std::vector<uint8_t> reply_;
    std::vector<HostFd> descriptors_;
  };

  bool broken() const { return broken_.load(std::memory_order_acquire) != 0; }
  int socket_fd() const { return socket_.get(); }
  // Looks whether the gofer has hung up.
  void NoticeEnd();
  void Break(std::string_view reason);

 private:
  GoferChannel(gofer::ChannelHeader* header, HostFd memory, HostFd socket, BrokenHandler on_broken);
  // A free slot, waiting for one if need be.
  uint32_t TakeSlot();
  void GiveSlot(uint32_t slot);
  void Wait(gofer::Slot& slot);
  bool SpinUntilReplied(const gofer::Slot& slot);
  Result<std::vector<HostFd>> ReceiveDescriptors(uint32_t slot, uint32_t sequence, uint32_t count);
  uint8_t* Memory(size_t offset) const;

  // Descriptors that arrived for a slot whose call has not come for them yet.
  struct Arrival {
    bool there = false;
    bool incomplete = false;  // this process may have no more descriptors
    uint32_t sequence = 0;
    std::vector<HostFd> descriptors;
  };
  struct Arrivals {
    Arrival of_slot[gofer::kSlots];
  };
  bool ReceiveOne(Arrivals& arrivals);

  // Constant after construction.
  gofer::ChannelHeader* header_;
  HostFd memory_;
  HostFd socket_;
  BrokenHandler on_broken_;
  bool may_spin_ = false;
  gofer::SpinBudget spin_budget_;

  std::atomic<uint32_t> free_slots_{UINT32_MAX};  // bit N: slot N is free; a futex
  std::atomic<uint32_t> slot_waiters_{0};
  std::atomic<uint32_t> next_sequence_{1};
  std::atomic<uint32_t> broken_{0};
  Locked<Arrivals, LockRank::kGofer> arrivals_;
};

}  // namespace ukrun
