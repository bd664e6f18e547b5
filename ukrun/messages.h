// What ukrun says to its user on standard error.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace ukrun {

// Writes "ukrun: LINE". Control characters in it, which may come from a path or from the
// guest, are shown and not obeyed; the line stays one line.
void Say(absl::string_view line);

// `text` with control characters as \xNN.
std::string Printable(absl::string_view text);

}  // namespace ukrun
