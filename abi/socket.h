// struct msghdr and struct mmsghdr (sendmsg(2), recvmmsg(2)).
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct MessageHeader {
  uint64_t name;
  int32_t name_length;
  uint32_t padding1;
  uint64_t vector;
  uint64_t vector_length;
  uint64_t control;
  uint64_t control_length;
  uint32_t flags;
  uint32_t padding2;
};
static_assert(sizeof(MessageHeader) == 56);

// A message of several, and how many bytes went.
struct CountedMessageHeader {
  MessageHeader header;
  uint32_t count;
  uint32_t padding;
};
static_assert(sizeof(CountedMessageHeader) == 64);

}  // namespace ukrun::abi
