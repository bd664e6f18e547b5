#include "loader/vdso.h"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <type_traits>

#include "abi/elf.h"

namespace ukrun {
namespace {

using abi::ElfDynamicTag;
using abi::ElfSegmentType;

// More entries than any vDSO has; bounds the work that a broken one can cause.
constexpr uint64_t kMostSymbols = 4096;
constexpr uint64_t kMostProgramHeaders = 64;

template <typename T>
requires std::is_trivially_copyable_v<T> Result<T> Load(std::span<const std::byte> image,
                                                        uint64_t offset) {
  if (offset > image.size() || image.size() - offset < sizeof(T)) {
    return Fail(ENOEXEC);
  }
  T value;
  std::memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

}  // namespace

Result<Vdso> Vdso::Parse(std::span<const std::byte> image) {
  Vdso vdso(image);
  TRY(vdso.ParseSegments());
  return vdso;
}

Result<void> Vdso::ParseSegments() {
  auto header = TRY(Load<abi::ElfHeader>(image_, 0));
  if (!std::equal(abi::kElfMagic.begin(), abi::kElfMagic.end(), header.e_ident.begin()) ||
      header.e_machine != abi::kElfMachineAmd64 ||
      header.e_phentsize != sizeof(abi::ElfProgramHeader) || header.e_phnum > kMostProgramHeaders ||
      header.e_phoff > image_.size()) {
    return Fail(ENOEXEC);
  }
  std::optional<abi::ElfProgramHeader> dynamic;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    auto segment = TRY(
        Load<abi::ElfProgramHeader>(image_, header.e_phoff + i * sizeof(abi::ElfProgramHeader)));
    if (segment.p_type == static_cast<uint32_t>(ElfSegmentType::kLoad) && loaded_bytes_ == 0) {
      load_address_ = segment.p_vaddr;
      loaded_bytes_ = segment.p_memsz;
    } else if (segment.p_type == static_cast<uint32_t>(ElfSegmentType::kDynamic)) {
      dynamic = segment;
    }
  }
  if (loaded_bytes_ == 0 || loaded_bytes_ > image_.size() || !dynamic.has_value()) {
    return Fail(ENOEXEC);
  }
  image_ = image_.first(loaded_bytes_);
  std::optional<uint64_t> offset = OffsetOfAddress(dynamic->p_vaddr);
  if (!offset.has_value()) {
    return Fail(ENOEXEC);
  }
  return ParseDynamic(*offset, dynamic->p_memsz);
}

Result<void> Vdso::ParseDynamic(uint64_t offset, uint64_t bytes) {
  std::optional<uint64_t> hash;
  std::optional<uint64_t> gnu_hash;
  std::optional<uint64_t> symbols;
  std::optional<uint64_t> strings;
  for (uint64_t i = 0; i < bytes / sizeof(abi::ElfDynamic); ++i) {
    auto entry = TRY(Load<abi::ElfDynamic>(image_, offset + i * sizeof(abi::ElfDynamic)));
    switch (static_cast<ElfDynamicTag>(entry.d_tag)) {
      case ElfDynamicTag::kNull:
        bytes = 0;  // the table's end
        break;
      case ElfDynamicTag::kHash:
        hash = OffsetOfAddress(entry.d_value);
        break;
      case ElfDynamicTag::kGnuHash:
        gnu_hash = OffsetOfAddress(entry.d_value);
        break;
      case ElfDynamicTag::kSymbolTable:
        symbols = OffsetOfAddress(entry.d_value);
        break;
      case ElfDynamicTag::kStringTable:
        strings = OffsetOfAddress(entry.d_value);
        break;
      case ElfDynamicTag::kStringTableSize:
        strings_bytes_ = entry.d_value;
        break;
      default:
        break;
    }
  }
  if (!symbols.has_value() || !strings.has_value() || strings_bytes_ > image_.size() - *strings) {
    return Fail(ENOEXEC);
  }
  symbols_ = *symbols;
  strings_ = *strings;
  if (hash.has_value()) {
    // nbucket, nchain, …: there is one chain entry for each symbol.
    symbol_count_ = TRY(Load<uint32_t>(image_, *hash + sizeof(uint32_t)));
  } else if (gnu_hash.has_value()) {
    symbol_count_ = TRY(CountByGnuHash(*gnu_hash));
  } else {
    return Fail(ENOEXEC);
  }
  if (symbol_count_ > kMostSymbols ||
      symbol_count_ * sizeof(abi::ElfSymbol) > image_.size() - symbols_) {
    return Fail(ENOEXEC);
  }
  return Ok();
}

// DT_GNU_HASH doesn't say how many symbols there are: the last one ends the chain that
// starts furthest behind.
Result<uint64_t> Vdso::CountByGnuHash(uint64_t offset) const {
  uint64_t bucket_count = TRY(Load<uint32_t>(image_, offset));
  uint64_t first_symbol = TRY(Load<uint32_t>(image_, offset + 4));
  uint64_t bloom_words = TRY(Load<uint32_t>(image_, offset + 8));
  uint64_t buckets = offset + 16 + bloom_words * sizeof(uint64_t);
  uint64_t chains = buckets + bucket_count * sizeof(uint32_t);
  uint64_t last = 0;
  for (uint64_t i = 0; i < bucket_count; ++i) {
    uint64_t start = TRY(Load<uint32_t>(image_, buckets + i * sizeof(uint32_t)));
    last = std::max(last, start);
  }
  if (last < first_symbol) {
    return first_symbol;  // every bucket is empty: no symbol can be found by name
  }
  while ((TRY(Load<uint32_t>(image_, chains + (last - first_symbol) * sizeof(uint32_t))) & 1) ==
         0) {
    ++last;
  }
  return last + 1;
}

std::optional<uint64_t> Vdso::OffsetOfAddress(uint64_t address) const {
  uint64_t offset = address - load_address_;
  if (offset >= image_.size()) {
    return std::nullopt;
  }
  return offset;
}

bool Vdso::NameEquals(uint64_t name_offset, std::string_view name) const {
  if (name_offset >= strings_bytes_ || strings_bytes_ - name_offset <= name.size()) {
    return false;
  }
  const std::byte* text = image_.data() + strings_ + name_offset;
  auto same = [](char c, std::byte b) { return static_cast<std::byte>(c) == b; };
  return std::equal(name.begin(), name.end(), text, same) && text[name.size()] == std::byte{0};
}

std::optional<Vdso::Symbol> Vdso::FindFunction(std::string_view name) const {
  for (uint64_t i = 0; i < symbol_count_; ++i) {
    Result<abi::ElfSymbol> symbol =
        Load<abi::ElfSymbol>(image_, symbols_ + i * sizeof(abi::ElfSymbol));
    if (!symbol.ok()) {
      break;
    }
    if ((symbol->st_info & 0xf) != abi::kElfSymbolFunction ||
        symbol->st_shndx == abi::kElfSectionUndefined || !NameEquals(symbol->st_name, name)) {
      continue;
    }
    std::optional<uint64_t> offset = OffsetOfAddress(symbol->st_value);
    if (offset.has_value() && symbol->st_size <= image_.size() - *offset) {
      return Symbol{*offset, symbol->st_size};
    }
  }
  return std::nullopt;
}

}  // namespace ukrun
