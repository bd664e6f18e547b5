// ImageSource: where the loader reads a program's bytes from.
//
// The Sentry implements it over an open file; tests and fuzzers over a vector. The bytes
// are hostile, and may change between two reads: whoever parses reads each byte once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace ukrun {

class ImageSource {
 public:
  // Reads up to out.size() bytes from `offset` and returns how many; fewer only at the end
  // of the file (0 from there on). `offset` never exceeds 2^63 - 1.
  // Errors: whatever reading the file gives (EIO, EISDIR, ...).
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) = 0;

  // The file's size now. It may differ from what reads find.
  virtual uint64_t size() const = 0;

 protected:
  ~ImageSource() = default;
};

}  // namespace ukrun
