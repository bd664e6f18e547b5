# Kernel code is built twice: freestanding for the Sentry's image, and hosted (with the C
# library, and sanitizers where asked) for unit tests and fuzzers.
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

add_library(ukrun_kernel_flags INTERFACE)
target_link_libraries(ukrun_kernel_flags INTERFACE ukrun_warnings)
target_compile_options(ukrun_kernel_flags INTERFACE
  -fPIE -fvisibility=hidden -fno-exceptions
  $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti> $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics>
  -fno-asynchronous-unwind-tables -fstack-protector-strong -fcf-protection=none
  -mno-avx -Wframe-larger-than=8192 -Wno-error=frame-larger-than=
  -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -D_GLIBCXX_EXTERN_TEMPLATE=0 -DUKRUN_FREESTANDING)

add_library(ukrun_hosted_flags INTERFACE)
target_link_libraries(ukrun_hosted_flags INTERFACE ukrun_warnings)
if(UKRUN_SANITIZE)
  target_compile_options(ukrun_hosted_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ukrun_hosted_flags INTERFACE -fsanitize=address,undefined)
endif()

# ukrun_kernel_library(NAME SOURCES... FREESTANDING sources... HOSTED sources... TESTS files...)
#   makes NAME (freestanding objects), NAME_hosted, and one test executable a test file.
function(ukrun_kernel_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;FREESTANDING;HOSTED;TESTS;DEPENDS" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES} ${ARG_FREESTANDING})
  target_link_libraries(${name} PRIVATE ukrun_kernel_flags)
  add_library(${name}_hosted STATIC ${ARG_SOURCES} ${ARG_HOSTED})
  target_link_libraries(${name}_hosted PRIVATE ukrun_hosted_flags)
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(${name}_hosted PUBLIC ${dependency}_hosted)
  endforeach()
  foreach(test ${ARG_TESTS})
    get_filename_component(stem ${test} NAME_WE)
    string(REPLACE "ukrun_" "" prefix ${name})
    ukrun_unit_test(${prefix}_${stem} SOURCES ${test} LIBRARIES ${name}_hosted)
  endforeach()
endfunction()
