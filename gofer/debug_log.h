// Debug lines of the gofer, on stderr, when the configuration asks for them.
#pragma once

#include <string_view>

namespace ukrun::gofer {

void EnableDebugLog();
void DebugLog(std::string_view line);

}  // namespace ukrun::gofer
