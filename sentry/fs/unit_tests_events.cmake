# Unit tests of pipes and epoll sets: what of them lives without tasks.
ukrun_unit_test(sentry_epoll_set_test
  SOURCES fs/epoll/epoll_set_test.cc fs/epoll/epoll_set.cc fs/epoll/epoll_nesting.cc
    fs/epoll/epoll.cc fs/anonymous/anonymous_inode.cc
  LIBRARIES ukrun_sentry_storage_hosted)
ukrun_unit_test(sentry_pipe_queue_test
  SOURCES fs/pipe/pipe_queue_test.cc fs/pipe/pipe.cc LIBRARIES ukrun_sentry_storage_hosted)
