// struct epoll_event and the bits of epoll_ctl(2) (include/uapi/linux/eventpoll.h).
#pragma once

#include <cstdint>

namespace ukrun::abi {

// Packed on x86-64, so the user's data is two words here.
struct EpollEvent {
  uint32_t events;
  uint32_t data_low;
  uint32_t data_high;
};
static_assert(sizeof(EpollEvent) == 12);

inline constexpr int32_t kEpollAdd = 1, kEpollDelete = 2, kEpollModify = 3;
inline constexpr uint32_t kEpollExclusive = 1u << 28, kEpollWakeUp = 1u << 29,
                          kEpollOneShot = 1u << 30, kEpollEdge = 1u << 31;

}  // namespace ukrun::abi
