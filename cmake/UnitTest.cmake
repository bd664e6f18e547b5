# Unit tests: programs of GoogleTest that run hosted, with sanitizers where asked.
add_custom_target(unit_tests COMMENT "All unit tests are built")

# ukrun_unit_test(NAME SOURCES files... LIBRARIES libraries...)
#   makes the program ukrun_NAME, registered as unit.NAME. GoogleTest's main is linked along.
function(ukrun_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(target ukrun_${name})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE
    ${ARG_LIBRARIES} ukrun_hosted_flags GTest::gtest_main)
  add_dependencies(unit_tests ${target})
  add_test(NAME unit.${name} COMMAND ${target})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 120)
endfunction()
