// A memory mapping that unmaps itself.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <cstddef>

#include "compat-tests/util/errno_matchers.h"

namespace ukrun::compat_tests {

class Mapping {
 public:
  Mapping(size_t length, int protection, int flags, int fd, off_t offset = 0)
      : length_(length),
        data_(static_cast<char*>(mmap(nullptr, length, protection, flags, fd, offset))) {
    EXPECT_OK(data_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(data_, length_); }

  char* data() const { return data_; }
  // Volatile, so that each access really happens.
  volatile char& operator[](size_t offset) const { return data_[offset]; }

 private:
  size_t length_;
  char* data_;
};

}  // namespace ukrun::compat_tests
