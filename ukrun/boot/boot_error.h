// How the first stage gives up: one line on standard error, exit status 125 (the status
// for failures of ukrun's own).
#pragma once

namespace ukrun::boot {

// Prints "ukrun-boot: WHAT: REASON" and exits; the reason is that of `error`, an errno
// value, and is left out when `error` is 0.
[[noreturn]] void Fail(const char* what, int error);

}  // namespace ukrun::boot
