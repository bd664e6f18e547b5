// Reads the host's vDSO, an ELF shared object in memory, so that the kernel can find the
// functions in it by name.
//
// Used once at start, on the image that the first stage moved into the kernel window. The
// image is the host kernel's own, but it is read with the same suspicion as any file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace ukrun {

class Vdso {
 public:
  // `image` begins at the ELF header and must outlive this object; it may be longer than
  // the vDSO. Errors: ENOEXEC.
  static Result<Vdso> Parse(std::span<const std::byte> image);

  struct Symbol {
    uint64_t offset;  // from the beginning of the image
    uint64_t bytes;   // 0 if the image doesn't say
  };
  // A defined function, such as "__vdso_clock_gettime". Symbol versions are not looked at.
  std::optional<Symbol> FindFunction(std::string_view name) const;

  // The bytes that the vDSO's segment takes up in memory, from the beginning of the image.
  uint64_t loaded_bytes() const { return loaded_bytes_; }

 private:
  explicit Vdso(std::span<const std::byte> image) : image_(image) {}

  Result<void> ParseSegments();
  Result<void> ParseDynamic(uint64_t offset, uint64_t bytes);
  Result<uint64_t> CountByGnuHash(uint64_t offset) const;
  std::optional<uint64_t> OffsetOfAddress(uint64_t address) const;
  bool NameEquals(uint64_t name_offset, std::string_view name) const;

  // Constant after construction.
  std::span<const std::byte> image_;
  uint64_t load_address_ = 0;  // p_vaddr of the segment that holds the header
  uint64_t loaded_bytes_ = 0;
  uint64_t symbols_ = 0;  // offset of the symbol table
  uint64_t symbol_count_ = 0;
  uint64_t strings_ = 0;  // offset of the string table
  uint64_t strings_bytes_ = 0;
};

}  // namespace ukrun
