// Which epoll sets watch which: a graph that must stay free of cycles and shallow, since
// asking a set whether it is ready asks the sets in it.
#pragma once

#include "base/mutex.h"
#include "base/result.h"

namespace ukrun {

class EpollSet;

class EpollNesting {
 public:
  // `outer` is about to watch `inner`. Errors: ELOOP.
  static Result<void> Add(EpollSet& outer, EpollSet& inner);
  static void Remove(EpollSet& outer, EpollSet& inner);
};

}  // namespace ukrun
