// Lines of --strace as they are written: whole, or not at all between others.
#pragma once

#include <string_view>

namespace ukrun::strace {

// Writes `[tid] text`, and makes it the length of a line if it is longer.
void PrintLine(int tid, std::string_view text);

}  // namespace ukrun::strace
