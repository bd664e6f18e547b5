# Unit tests of how --strace writes values: what looks at no task.
file(GLOB strace_sources CONFIGURE_DEPENDS strace/text.cc strace/names_*_table.cc)
add_executable(ukrun_sentry_strace_text_test strace/text_test.cc ${strace_sources})
target_link_libraries(ukrun_sentry_strace_text_test
  PRIVATE ukrun_base_hosted ukrun_hosted_flags GTest::gtest_main)
add_test(NAME unit.sentry_strace_text_test COMMAND ukrun_sentry_strace_text_test)
set_tests_properties(unit.sentry_strace_text_test PROPERTIES TIMEOUT 120)
