# Unit tests of the parts of the VFS that need no tasks. The sources are built with those of
# the file systems (fs/unit_tests.cmake).
foreach(stem path_test fd_table_test)
  add_executable(ukrun_sentry_vfs_${stem} vfs/${stem}.cc vfs/fd_table.cc)
  target_link_libraries(ukrun_sentry_vfs_${stem}
    PRIVATE ukrun_sentry_storage_hosted ukrun_hosted_flags GTest::gtest_main)
  add_test(NAME unit.sentry_vfs_${stem} COMMAND ukrun_sentry_vfs_${stem})
  set_tests_properties(unit.sentry_vfs_${stem} PROPERTIES TIMEOUT 120)
endforeach()
