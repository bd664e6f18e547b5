// struct pollfd, and the event bits of poll(2) that are synonyms inside the kernel.
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct PollFd {
  int32_t fd;
  uint16_t events;
  uint16_t returned;
};
static_assert(sizeof(PollFd) == 8);

inline constexpr uint32_t kPollIn = 0x001, kPollPri = 0x002, kPollOut = 0x004, kPollErr = 0x008,
                          kPollHup = 0x010, kPollNval = 0x020, kPollRdNorm = 0x040,
                          kPollWrNorm = 0x100, kPollRdHup = 0x2000;

}  // namespace ukrun::abi
