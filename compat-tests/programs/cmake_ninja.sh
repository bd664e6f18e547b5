#!/bin/bash
# cmake configures (which compiles and runs small programs), ninja builds, ctest tests.
# needs: cmake ninja g++ gcc
# time limit: 240

mkdir -p source/lib && cd source || exit 1
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(Sample LANGUAGES C CXX)
include(CTest)
find_package(Threads REQUIRED)
include(CheckIncludeFile)
check_include_file(pthread.h HAVE_PTHREAD_H)
add_subdirectory(lib)
add_custom_command(OUTPUT made.h COMMAND ${CMAKE_COMMAND} -P ${CMAKE_SOURCE_DIR}/make.cmake)
add_executable(app main.cc ${CMAKE_CURRENT_BINARY_DIR}/made.h)
target_include_directories(app PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(app PRIVATE part Threads::Threads)
add_test(NAME passes COMMAND app)
add_test(NAME fails COMMAND app 1)
set_tests_properties(fails PROPERTIES WILL_FAIL TRUE)
install(TARGETS app DESTINATION bin)
END
echo 'file(WRITE made.h "#define MADE 7\n")' >make.cmake
cat >lib/CMakeLists.txt <<'END'
add_library(part SHARED part.c)
target_include_directories(part PUBLIC .)
END
echo 'int Part(void);' >lib/part.h
echo 'int Part(void) { return 35; }' >lib/part.c
cat >main.cc <<'END'
#include <iostream>
#include <thread>
#include "made.h"
extern "C" {
#include "part.h"
}
int main(int argc, char**) {
  int sum = 0;
  std::thread([&] { sum = Part() + MADE; }).join();
  std::cout << "sum " << sum << std::endl;
  return argc - 1;
}
END
cd ..

cmake -S source -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >configure.log || cat configure.log
grep -c 'works\|skipped' configure.log | sed 's/[2-9]/some/'
grep -q 'Generating done' configure.log && echo "configured"
ninja -C build -j4 | tail -n 1 | sed 's/.*\] //'
build/app
ninja -C build | tail -n 1
sleep 1.1
echo 'int Part(void) { return 36; }' >source/lib/part.c
ninja -C build >/dev/null && build/app
(cd build && ctest -j2 2>/dev/null | grep 'tests passed')
cmake --install build --prefix "$PWD/installed" >/dev/null && ls installed/bin
echo 'broken' >>source/main.cc
ninja -C build >/dev/null 2>&1; echo "ninja: $?"
ninja -C build -t clean | sed 's/[0-9][0-9]*/some/'
