// A system call as --strace's formatters see it, and what a formatter is.
//
// A formatter turns one argument into text. It may read guest memory: what it reads may
// change at any time, so each value is fetched once, and no length is believed unbounded.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace ukrun {

class Task;

namespace strace {

struct Call {
  Task& task;
  std::array<uint64_t, 6> arguments;  // cut to their types' width
  int64_t result = 0;                 // once the call has succeeded
};

using Formatter = void (*)(const Call& call, uint64_t value, std::string& out);

// How an argument is shown: as it is when the call begins and, if the kernel stores something
// there, as it is after a call that succeeded. The second text takes the first one's place,
// unless it is empty; with the same formatter twice it is "before => after".
//
// An argument without text (open's mode when nothing is created) is left out, at the end of
// the list.
struct Argument {
  Formatter before = nullptr;  // null: as the handler's signature says
  Formatter after = nullptr;   // null: the kernel stores nothing
};

}  // namespace strace
}  // namespace ukrun
