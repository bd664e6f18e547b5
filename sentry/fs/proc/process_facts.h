// What several files tell of a process, collected under one holding of the task tree's lock
// so that it belongs together.
#pragma once

#include <string_view>

#include "sentry/fs/proc/process_target.h"

namespace ukrun {

struct SignalFacts {
  uint64_t queued = 0;
  abi::SignalSet pending = 0;        // the thread's
  abi::SignalSet group_pending = 0;  // the process's
  abi::SignalSet blocked = 0;
  abi::SignalSet ignored = 0;
  abi::SignalSet caught = 0;
};

struct ProcessFacts {
  // The letter of ps(1), "PROCESS STATE CODES".
  char state = 'R';
  int32_t parent_pid = 0;
  int32_t process_group = 0;
  int32_t session = 0;
  uint64_t terminal_device = 0;
  int32_t foreground_group = -1;
  int threads = 0;
  int exit_signal = 0;
  int exit_status = 0;
  ResourceUsage usage;  // of the whole process, or of the thread
  ResourceUsage waited_children;
  SignalFacts signals;
};

ProcessFacts CollectFacts(const TargetView& view);

// "R (running)" and so on, for the letter.
std::string_view StateName(char state);

// CLOCK_BOOTTIME of the guest, in the ticks of _SC_CLK_TCK (a hundred a second).
uint64_t ToTicks(int64_t ns);

}  // namespace ukrun
