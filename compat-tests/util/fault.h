// Runs code that is expected to fault and tells which signal it raised.
#pragma once

#include <gtest/gtest.h>
#include <setjmp.h>
#include <signal.h>

#include "compat-tests/util/errno_matchers.h"

namespace ukrun::compat_tests {

struct Fault {
  int signal = 0;  // 0: there was none
  int code = 0;
  void* address = nullptr;
};

namespace fault_internal {

inline sigjmp_buf return_point;
inline volatile sig_atomic_t signal_number;
inline volatile sig_atomic_t signal_code;
inline void* volatile fault_address;

inline void Handler(int signal, siginfo_t* info, void* /*context*/) {
  signal_number = signal;
  signal_code = info->si_code;
  fault_address = info->si_addr;
  siglongjmp(return_point, 1);
}

}  // namespace fault_internal

// `access` returns the value it reads or writes, so that the compiler has to perform it. Not for
// use by two threads at once.
template <typename Access>
Fault FaultOf(Access&& access) {
  struct sigaction action = {};
  action.sa_sigaction = fault_internal::Handler;
  action.sa_flags = SA_SIGINFO;
  struct sigaction old_bus = {};
  struct sigaction old_segv = {};
  EXPECT_OK(sigaction(SIGBUS, &action, &old_bus));
  EXPECT_OK(sigaction(SIGSEGV, &action, &old_segv));
  fault_internal::signal_number = 0;
  fault_internal::signal_code = 0;
  fault_internal::fault_address = nullptr;
  if (sigsetjmp(fault_internal::return_point, 1) == 0) {
    [[maybe_unused]] volatile auto value = access();
  }
  EXPECT_OK(sigaction(SIGBUS, &old_bus, nullptr));
  EXPECT_OK(sigaction(SIGSEGV, &old_segv, nullptr));
  return {fault_internal::signal_number, fault_internal::signal_code,
          fault_internal::fault_address};
}

}  // namespace ukrun::compat_tests
