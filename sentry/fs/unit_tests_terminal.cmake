# Unit tests of the line discipline, which is plain data.
add_executable(ukrun_sentry_line_discipline_test
  fs/devpts/line_discipline_test.cc fs/devpts/line_discipline.cc
  fs/devpts/line_discipline_output.cc)
target_link_libraries(ukrun_sentry_line_discipline_test
  PRIVATE ukrun_base_hosted ukrun_hosted_flags GTest::gtest_main)
add_test(NAME unit.sentry_line_discipline_test COMMAND ukrun_sentry_line_discipline_test)
set_tests_properties(unit.sentry_line_discipline_test PROPERTIES TIMEOUT 120)
