# Unit tests of what lives without tasks: pages, files in memory, the overlay. The sources
# are built once more, hosted; *_hosted.cc stand in for what they reach of the rest.
file(GLOB storage_sources CONFIGURE_DEPENDS
  fs/tmpfs/*.cc fs/overlay/overlay*.cc fs/overlay/changes.cc
  mm/memory_object*.cc mm/page_pool_unsafe.cc mm/guest_io.cc mm/bounce_buffer.cc)
list(FILTER storage_sources EXCLUDE REGEX "_test\\.cc$")
list(APPEND storage_sources
  fs/fs_hosted.cc mm/user_memory_hosted.cc
  vfs/anonymous.cc vfs/attribute_change.cc vfs/dentry_cache.cc vfs/file.cc vfs/file_locks.cc vfs/inode.cc vfs/notify.cc
  vfs/path.cc vfs/write_access.cc)
add_library(ukrun_sentry_storage_hosted STATIC EXCLUDE_FROM_ALL ${storage_sources})
target_link_libraries(ukrun_sentry_storage_hosted
  PRIVATE ukrun_hosted_flags PUBLIC ukrun_base_hosted)

file(GLOB storage_tests CONFIGURE_DEPENDS
  fs/tmpfs/*_test.cc fs/overlay/*_test.cc mm/memory_object_test.cc mm/page_pool_test.cc)
foreach(test ${storage_tests})
  get_filename_component(stem ${test} NAME_WE)
  ukrun_unit_test(sentry_${stem} SOURCES ${test} LIBRARIES ukrun_sentry_storage_hosted)
endforeach()

# The host file system and --keep, against a real gofer.
file(GLOB host_sources CONFIGURE_DEPENDS fs/host/*.cc)
list(FILTER host_sources EXCLUDE REGEX "_test\\.cc$")
ukrun_unit_test(sentry_host_test
  SOURCES fs/host/host_test.cc fs/overlay/keep.cc ${host_sources}
  LIBRARIES ukrun_sentry_storage_hosted ukrun_gofer_fixture)
