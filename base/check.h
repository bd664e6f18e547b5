// Kernel assertions. On in every build; unreachable from guest input. A failed check is
// a kernel panic: the whole sandbox ends with a message, and nothing on the host is lost.
#pragma once

#include <string_view>

namespace ukrun {

[[noreturn]] void Panic(std::string_view message, const char* file = __builtin_FILE(),
                        int line = __builtin_LINE());

}  // namespace ukrun

#define UKRUN_CHECK(condition)                     \
  do {                                             \
    if (!(condition)) [[unlikely]] {               \
      ::ukrun::Panic("check failed: " #condition); \
    }                                              \
  } while (false)
