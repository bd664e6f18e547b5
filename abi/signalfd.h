// struct signalfd_siginfo (include/uapi/linux/signalfd.h).
#pragma once

#include <cstdint>

namespace ukrun::abi {

struct SignalFdInfo {
  uint32_t signal = 0;
  int32_t error = 0;
  int32_t code = 0;
  uint32_t pid = 0;
  uint32_t uid = 0;
  int32_t fd = 0;
  uint32_t timer_id = 0;
  uint32_t band = 0;
  uint32_t overrun = 0;
  uint32_t trap_number = 0;
  int32_t status = 0;
  int32_t value_int = 0;
  uint64_t value = 0;
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t address = 0;
  uint8_t reserved[48] = {};
};
static_assert(sizeof(SignalFdInfo) == 128);

}  // namespace ukrun::abi
