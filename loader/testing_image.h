// Hand-made ELF files for the loader's tests and fuzzers: a small program that exits with
// kTestExitStatus, every field of which can be spoilt. Not for kernel code.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "abi/elf.h"
#include "loader/elf.h"
#include "loader/image_source.h"

namespace ukrun::testing {

inline constexpr int kTestExitStatus = 42;

class MemoryImage final : public ImageSource {
 public:
  explicit MemoryImage(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    if (offset >= bytes_.size()) {
      return size_t{0};
    }
    size_t size = std::min(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
    return size;
  }
  uint64_t size() const override { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

inline std::vector<std::byte> Bytes(std::string_view text) {
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline constexpr uint64_t kTestCodeOffset = 0x800;
inline constexpr uint64_t kTestTextOffset = 0xa00;
inline constexpr uint64_t kTestFixedAddress = 0x400000;

struct TestImage {
  abi::ElfHeader header{};
  std::vector<abi::ElfProgramHeader> table;
  // At kTestTextOffset; for a PT_INTERP.
  std::string text;
  // The file is cut or extended to this.
  size_t file_bytes = 0x1000;

  abi::ElfProgramHeader& load(size_t index = 0) { return table[index]; }

  abi::ElfProgramHeader& Add(abi::ElfSegmentType type) {
    abi::ElfProgramHeader& entry = table.emplace_back();
    entry.p_type = static_cast<uint32_t>(type);
    header.e_phnum = static_cast<uint16_t>(table.size());
    return entry;
  }

  // The path is written with a NUL at its end.
  abi::ElfProgramHeader& AddInterpreter(std::string_view path) {
    text = std::string(path) + '\0';
    abi::ElfProgramHeader& entry = Add(abi::ElfSegmentType::kInterpreter);
    entry.p_offset = kTestTextOffset;
    entry.p_filesz = text.size();
    return entry;
  }

  std::vector<std::byte> Build() const {
    // mov $60, %eax; mov $42, %edi; syscall
    static constexpr std::array<uint8_t, 12> kCode = {0xb8, 60, 0, 0,    0,   0xbf, kTestExitStatus,
                                                      0,    0,  0, 0x0f, 0x05};
    std::vector<std::byte> bytes(std::max(file_bytes, size_t{0x3000}));
    std::memcpy(bytes.data(), &header, sizeof(header));
    size_t table_bytes =
        std::min(table.size() * sizeof(table[0]), size_t{kTestCodeOffset} - sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), table.data(), table_bytes);
    std::memcpy(bytes.data() + kTestCodeOffset, kCode.data(), kCode.size());
    std::memcpy(bytes.data() + kTestTextOffset, text.data(), text.size());
    bytes.resize(file_bytes);
    return bytes;
  }
};

// One readable and executable segment with the whole file in it.
inline TestImage MakeImage(abi::ElfType type) {
  TestImage image;
  uint64_t base = type == abi::ElfType::kExecutable ? kTestFixedAddress : 0;
  std::copy(abi::kElfMagic.begin(), abi::kElfMagic.end(), image.header.e_ident.begin());
  image.header.e_ident[4] = 2;  // 64 bit
  image.header.e_ident[5] = 1;  // little endian
  image.header.e_ident[6] = 1;  // version
  image.header.e_type = static_cast<uint16_t>(type);
  image.header.e_machine = abi::kElfMachineAmd64;
  image.header.e_version = 1;
  image.header.e_entry = base + kTestCodeOffset;
  image.header.e_phoff = sizeof(abi::ElfHeader);
  image.header.e_ehsize = sizeof(abi::ElfHeader);
  image.header.e_phentsize = sizeof(abi::ElfProgramHeader);
  abi::ElfProgramHeader& load = image.Add(abi::ElfSegmentType::kLoad);
  load.p_flags = abi::kElfRead | abi::kElfExecute;
  load.p_vaddr = base;
  load.p_filesz = image.file_bytes;
  load.p_memsz = image.file_bytes;
  load.p_align = 0x1000;
  return image;
}

inline TestImage FixedImage() { return MakeImage(abi::ElfType::kExecutable); }
inline TestImage PieImage() { return MakeImage(abi::ElfType::kShared); }

// Files that Linux refuses, kills or runs, each spoilt in one way.
struct NamedImage {
  std::string name;
  std::vector<std::byte> bytes;
};
// `interpreter` is the path that the images with a PT_INTERP name.
std::vector<NamedImage> MalformedImages(const std::string& interpreter);
// Files that are no good as an interpreter, or odd ones.
std::vector<NamedImage> MalformedInterpreters();
// Beginnings of files with a "#!".
std::vector<NamedImage> ScriptHeads(const std::string& interpreter);

// Which promise of loader/elf.h a plan breaks; empty if none, or if it is not to be used.
std::string WhatIsWrongWith(const LoadPlan& plan);

}  // namespace ukrun::testing
