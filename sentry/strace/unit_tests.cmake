# Unit tests of how --strace writes values: what looks at no task.
file(GLOB strace_sources CONFIGURE_DEPENDS strace/text.cc strace/names_*_table.cc)
ukrun_unit_test(sentry_strace_text_test
  SOURCES strace/text_test.cc ${strace_sources} LIBRARIES ukrun_base_hosted)
