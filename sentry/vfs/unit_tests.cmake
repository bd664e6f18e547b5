# Unit tests of the parts of the VFS that need no tasks. The sources are built with those of
# the file systems (fs/unit_tests.cmake).
foreach(stem path_test fd_table_test)
  ukrun_unit_test(sentry_vfs_${stem}
    SOURCES vfs/${stem}.cc vfs/fd_table.cc LIBRARIES ukrun_sentry_storage_hosted)
endforeach()
