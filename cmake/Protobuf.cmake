# ukrun_protobuf(NAME file.proto): NAME_pb is the libprotobuf side (ordinary programs),
# NAME_nanopb the generated sources for kernel code (listed in NAME_NANOPB_SOURCES).
# Static, so that programs start fast.
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)
find_program(NANOPB_GENERATOR NAMES nanopb_generator.py nanopb_generator REQUIRED)

function(ukrun_protobuf name proto)
  get_filename_component(stem ${proto} NAME_WE)
  get_filename_component(source ${proto} ABSOLUTE)
  get_filename_component(folder ${source} DIRECTORY)
  file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${folder})
  set(out ${CMAKE_BINARY_DIR}/generated/${relative})
  file(MAKE_DIRECTORY ${out})
  set(options)
  if(EXISTS ${folder}/${stem}.options)
    set(options ${folder}/${stem}.options)
  endif()
  add_custom_command(
    OUTPUT ${out}/${stem}.pb.cc ${out}/${stem}.pb.h
    COMMAND protobuf::protoc --cpp_out=${out} -I${folder} ${source}
    DEPENDS ${source})
  add_library(${name}_pb STATIC ${out}/${stem}.pb.cc)
  target_link_libraries(${name}_pb PUBLIC protobuf::libprotobuf)
  target_include_directories(${name}_pb PUBLIC ${CMAKE_BINARY_DIR}/generated)
  # nanopb's header would collide with libprotobuf's, so it is called STEM.nanopb.h.
  add_custom_command(
    OUTPUT ${out}/${stem}.nanopb.c ${out}/${stem}.nanopb.h
    COMMAND ${NANOPB_GENERATOR} -q -e .nanopb -D ${out} -I ${folder} ${source}
    DEPENDS ${source} ${options})
  set_source_files_properties(${out}/${stem}.nanopb.c PROPERTIES COMPILE_OPTIONS "-w")
  add_custom_target(${name}_nanopb_generate DEPENDS ${out}/${stem}.nanopb.c)
  set(${name}_NANOPB_SOURCES ${out}/${stem}.nanopb.c PARENT_SCOPE)
endfunction()
