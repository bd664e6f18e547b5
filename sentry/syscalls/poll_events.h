// From event bits of poll(2) and epoll(7) to readiness and back.
//
// The kernel knows one kind of data, so POLLRDNORM means POLLIN and POLLWRNORM means POLLOUT.
#pragma once

#include "abi/poll.h"
#include "base/wait_queue.h"

namespace ukrun {

// What a caller that asks for `events` waits for; errors and hang-ups always.
constexpr Ready ReadyFromEvents(uint32_t events) {
  Ready ready = static_cast<Ready>(events) & Ready::kAll;
  if ((events & abi::kPollRdNorm) != 0) {
    ready |= Ready::kReadable;
  }
  if ((events & abi::kPollWrNorm) != 0) {
    ready |= Ready::kWritable;
  }
  return ready | Ready::kError | Ready::kHangUp;
}

// What such a caller is told.
constexpr uint32_t EventsFromReady(Ready ready, uint32_t events) {
  auto bits = static_cast<uint32_t>(ready);
  bits |= Any(ready & Ready::kReadable) ? abi::kPollRdNorm : 0;
  bits |= Any(ready & Ready::kWritable) ? abi::kPollWrNorm : 0;
  return bits & (events | abi::kPollErr | abi::kPollHup);
}

}  // namespace ukrun
