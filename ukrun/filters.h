// The seccomp allowlists: which host system calls the Sentry and the processes that run guest
// code may make. (The gofer's is its own: gofer/harden_filter.cc.) Whatever is not listed kills the
// process, and with it the sandbox. Built here with libseccomp and handed over as finished programs
// (arrays of struct sock_filter), because the Sentry has no C library.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ukrun {

// For the Sentry's process and, since filters are inherited, an upper bound for the
// processes that run guest code.
absl::StatusOr<std::string> SentryFilter(absl::string_view platform);

// For host processes that run guest code, on top of the Sentry's.
absl::StatusOr<std::string> GuestFilter(absl::string_view platform);

}  // namespace ukrun
