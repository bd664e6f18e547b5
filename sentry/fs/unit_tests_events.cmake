# Unit tests of pipes and epoll sets: what of them lives without tasks.
function(ukrun_sentry_events_test name)
  add_executable(ukrun_sentry_${name} ${ARGN})
  target_link_libraries(ukrun_sentry_${name}
    PRIVATE ukrun_sentry_storage_hosted ukrun_hosted_flags GTest::gtest_main)
  add_test(NAME unit.sentry_${name} COMMAND ukrun_sentry_${name})
  set_tests_properties(unit.sentry_${name} PROPERTIES TIMEOUT 120)
endfunction()

ukrun_sentry_events_test(epoll_set_test
  fs/epoll/epoll_set_test.cc fs/epoll/epoll_set.cc fs/epoll/epoll_nesting.cc fs/epoll/epoll.cc
  fs/anonymous/anonymous_inode.cc)
ukrun_sentry_events_test(pipe_queue_test fs/pipe/pipe_queue_test.cc fs/pipe/pipe.cc)
