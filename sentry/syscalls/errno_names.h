// Names of errnos, for --strace and messages.
#pragma once

#include <string_view>

namespace ukrun {

std::string_view ErrnoName(int code);

}  // namespace ukrun
