// epoll_create(2): the file that stands for an epoll set.
#pragma once

#include "sentry/fs/epoll/epoll_set.h"

namespace ukrun {

RefPtr<File> CreateEpoll();

// The set behind a file; null when it is something else.
RefPtr<EpollSet> FindEpollSet(File& file);

}  // namespace ukrun
