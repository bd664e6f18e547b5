# Unit tests of the line discipline, which is plain data.
ukrun_unit_test(sentry_line_discipline_test
  SOURCES fs/devpts/line_discipline_test.cc fs/devpts/line_discipline.cc
    fs/devpts/line_discipline_output.cc
  LIBRARIES ukrun_base_hosted)
