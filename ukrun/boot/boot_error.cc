#include "ukrun/boot/boot_error.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ukrun::boot {

void Fail(const char* what, int error) {
  if (error == 0) {
    std::fprintf(stderr, "ukrun-boot: %s\n", what);
  } else {
    std::fprintf(stderr, "ukrun-boot: %s: %s\n", what, std::strerror(error));
  }
  std::exit(125);
}

}  // namespace ukrun::boot
