// How ukrun's own code hands failures up: absl::Status with a sentence that is printed
// after "ukrun: ", and never an exception.
#pragma once

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#define UKRUN_RETURN_IF_ERROR(expression)                     \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

namespace ukrun {

// "WHAT: REASON", with the reason that belongs to the errno value `error`.
inline absl::Status SystemError(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(error)));
}

}  // namespace ukrun
