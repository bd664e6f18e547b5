// The parts of the ELF-64 format that Linux reads when it starts a program or looks into
// its vDSO. Layouts and numbers are those of the System V ABI (x86-64 supplement).
//
// For the loader; other code sees load plans (loader/elf.h) only. Names are our own, not
// <elf.h>'s macros, so that both can be included.
#pragma once

#include <array>
#include <cstdint>

namespace ukrun::abi {

inline constexpr std::array<uint8_t, 4> kElfMagic = {0x7f, 'E', 'L', 'F'};

enum class ElfType : uint16_t {
  kExecutable = 2,  // ET_EXEC: addresses in the file are final
  kShared = 3,      // ET_DYN: position independent (PIE programs, ld.so)
};

inline constexpr uint16_t kElfMachineAmd64 = 62;

struct ElfHeader {
  std::array<uint8_t, 16> e_ident;
  uint16_t e_type;
  uint16_t e_machine;
  uint32_t e_version;
  uint64_t e_entry;
  uint64_t e_phoff;
  uint64_t e_shoff;
  uint32_t e_flags;
  uint16_t e_ehsize;
  uint16_t e_phentsize;
  uint16_t e_phnum;
  uint16_t e_shentsize;
  uint16_t e_shnum;
  uint16_t e_shstrndx;
};
static_assert(sizeof(ElfHeader) == 64);

enum class ElfSegmentType : uint32_t {
  kNull = 0,
  kLoad = 1,
  kDynamic = 2,
  kInterpreter = 3,
  kNote = 4,
  kProgramHeaders = 6,
  kGnuStack = 0x6474e551,
};

// p_flags.
inline constexpr uint32_t kElfExecute = 1;
inline constexpr uint32_t kElfWrite = 2;
inline constexpr uint32_t kElfRead = 4;

struct ElfProgramHeader {
  uint32_t p_type;
  uint32_t p_flags;
  uint64_t p_offset;
  uint64_t p_vaddr;
  uint64_t p_paddr;
  uint64_t p_filesz;
  uint64_t p_memsz;
  uint64_t p_align;
};
static_assert(sizeof(ElfProgramHeader) == 56);

enum class ElfDynamicTag : int64_t {
  kNull = 0,
  kHash = 4,
  kStringTable = 5,
  kSymbolTable = 6,
  kStringTableSize = 10,
  kSymbolSize = 11,
  kGnuHash = 0x6ffffef5,
};

struct ElfDynamic {
  int64_t d_tag;
  uint64_t d_value;
};
static_assert(sizeof(ElfDynamic) == 16);

inline constexpr uint16_t kElfSectionUndefined = 0;

struct ElfSymbol {
  uint32_t st_name;
  uint8_t st_info;
  uint8_t st_other;
  uint16_t st_shndx;
  uint64_t st_value;
  uint64_t st_size;
};
static_assert(sizeof(ElfSymbol) == 24);

// The low four bits of st_info.
inline constexpr uint8_t kElfSymbolFunction = 2;

}  // namespace ukrun::abi
