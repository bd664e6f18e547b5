#include "loader/elf.h"

#include <sys/mman.h>

#include <algorithm>
#include <span>

#include "abi/elf.h"

namespace ukrun {
namespace {

using abi::ElfHeader;
using abi::ElfProgramHeader;
using abi::ElfSegmentType;

// Linux reads no larger table (load_elf_phdrs).
constexpr uint64_t kMostTableBytes = 65536;
// PATH_MAX, the NUL included.
constexpr uint64_t kMostInterpreterBytes = 4096;
constexpr uint64_t kMostFileOffset = 0x7fff'ffff'ffff'ffff;

enum class Role : uint8_t { kProgram, kInterpreter };

bool IsType(const ElfProgramHeader& header, ElfSegmentType type) {
  return header.p_type == static_cast<uint32_t>(type);
}

// As the kernel's elf_read: offsets that a file can't have are EINVAL, a file that ends too
// early is EIO.
Result<void> ReadExactly(ImageSource& image, uint64_t offset, std::span<std::byte> out) {
  if (offset > kMostFileOffset || out.size() > kMostFileOffset - offset) {
    return Fail(EINVAL);
  }
  while (!out.empty()) {
    size_t size = TRY(image.ReadAt(offset, out));
    if (size == 0 || size > out.size()) {
      return Fail(EIO);
    }
    offset += size;
    out = out.subspan(size);
  }
  return Ok();
}

// The head of a program as execve has it: a file shorter than that is followed by zeros.
Result<ElfHeader> ReadProgramHead(ImageSource& image) {
  ElfHeader header{};
  std::span<std::byte> out = std::as_writable_bytes(std::span(&header, 1));
  uint64_t offset = 0;
  while (!out.empty()) {
    size_t size = std::min(TRY(image.ReadAt(offset, out)), out.size());
    if (size == 0) {
      break;
    }
    offset += size;
    out = out.subspan(size);
  }
  return header;
}

bool IsForThisMachine(const ElfHeader& header) {
  // As on Linux, the rest of e_ident (class, byte order, version) is not looked at.
  return std::equal(abi::kElfMagic.begin(), abi::kElfMagic.end(), header.e_ident.begin()) &&
         header.e_machine == abi::kElfMachineAmd64;
}

bool IsLoadable(const ElfHeader& header) {
  return header.e_type == static_cast<uint16_t>(abi::ElfType::kExecutable) ||
         header.e_type == static_cast<uint16_t>(abi::ElfType::kShared);
}

// Errors: ENOEXEC for everything that is wrong with it, unreadable or not.
Result<std::vector<ElfProgramHeader>> ReadTable(ImageSource& image, const ElfHeader& header) {
  uint64_t bytes = uint64_t{header.e_phnum} * sizeof(ElfProgramHeader);
  if (header.e_phentsize != sizeof(ElfProgramHeader) || bytes == 0 || bytes > kMostTableBytes) {
    return Fail(ENOEXEC);
  }
  std::vector<ElfProgramHeader> table(header.e_phnum);
  if (!ReadExactly(image, header.e_phoff, std::as_writable_bytes(std::span(table))).ok()) {
    return Fail(ENOEXEC);
  }
  return table;
}

Result<std::string> ReadInterpreterPath(ImageSource& image, const ElfProgramHeader& header) {
  if (header.p_filesz > kMostInterpreterBytes || header.p_filesz < 2) {
    return Fail(ENOEXEC);
  }
  std::string path(header.p_filesz, '\0');
  TRY(ReadExactly(image, header.p_offset, std::as_writable_bytes(std::span(path))));
  if (path.back() != '\0') {
    return Fail(ENOEXEC);
  }
  path.resize(path.find('\0'));
  return path;
}

int Protection(uint32_t flags) {
  return ((flags & abi::kElfRead) != 0 ? PROT_READ : 0) |
         ((flags & abi::kElfWrite) != 0 ? PROT_WRITE : 0) |
         ((flags & abi::kElfExecute) != 0 ? PROT_EXEC : 0);
}

// Builds the plan's segments. Every failure in here is a deferred one.
class SegmentPlanner {
 public:
  SegmentPlanner(LoadPlan& plan, Role role, uint64_t file_size)
      : plan_(plan), role_(role), file_size_(file_size) {}

  Result<void> PlanAll(std::span<const ElfProgramHeader> table, uint64_t table_offset) {
    plan_.code_begin = ~uint64_t{0};
    for (const ElfProgramHeader& header : table) {
      if (IsType(header, ElfSegmentType::kLoad)) {
        TRY(Plan(header, table_offset));
      }
    }
    return CheckSpan();
  }

 private:
  bool position_independent() const { return plan_.type == LoadPlan::Type::kPositionIndependent; }

  // An interpreter that is position independent may be linked at any address: Linux looks
  // at its addresses with the bias added, and CheckPlacement does that here. Those of
  // programs are looked at without it.
  Result<void> CheckRange(const ElfProgramHeader& header) const {
    int error = role_ == Role::kProgram ? EINVAL : ENOMEM;
    uint64_t end =
        role_ == Role::kInterpreter && position_independent() ? ~uint64_t{0} - kPageSize : kUserEnd;
    if (header.p_filesz > header.p_memsz || header.p_memsz > kUserEnd || header.p_vaddr >= end ||
        header.p_vaddr > end - header.p_memsz) {
      return Fail(error);
    }
    return Ok();
  }

  Result<void> Plan(const ElfProgramHeader& header, uint64_t table_offset) {
    TRY(CheckRange(header));
    LoadSegment segment;
    segment.address = PageFloor(header.p_vaddr);
    segment.protection = Protection(header.p_flags);
    segment.anonymous_protection = PROT_READ | PROT_WRITE | (segment.protection & PROT_EXEC);
    if (header.p_filesz != 0) {
      TRY(PlanFilePart(header, segment));
    }
    if (header.p_memsz > header.p_filesz) {
      // Behind the pages of the file; without any, from the page of p_vaddr.
      uint64_t end = PageCeil(header.p_vaddr + header.p_memsz);
      segment.anonymous_address = segment.address + segment.file_bytes;
      segment.anonymous_bytes = end - segment.anonymous_address;
    }
    Account(header, table_offset);
    plan_.segments.push_back(segment);
    return Ok();
  }

  Result<void> PlanFilePart(const ElfProgramHeader& header, LoadSegment& segment) const {
    if (PageOffset(header.p_offset) != PageOffset(header.p_vaddr)) {
      return Fail(EINVAL);
    }
    uint64_t end = header.p_vaddr + header.p_filesz;
    segment.file_offset = PageFloor(header.p_offset);
    segment.file_bytes = PageCeil(end) - segment.address;
    if (segment.file_offset > kMostFileOffset - segment.file_bytes) {
      return Fail(EOVERFLOW);
    }
    if (header.p_memsz > header.p_filesz && (segment.protection & PROT_WRITE) != 0) {
      segment.zero_address = end;
      segment.zero_bytes = PageCeil(end) - end;
      // mm would find this out by a fault; the answer is the same.
      if (segment.zero_bytes != 0 &&
          segment.file_offset + segment.file_bytes - kPageSize >= file_size_) {
        return Fail(EFAULT);
      }
    }
    return Ok();
  }

  void Account(const ElfProgramHeader& header, uint64_t table_offset) {
    uint64_t begin = header.p_vaddr;
    if (plan_.segments.empty()) {
      plan_.first_address = begin;
      first_has_file_ = header.p_filesz != 0;
      lowest_ = PageFloor(begin);
    }
    lowest_ = std::min(lowest_, PageFloor(begin));
    highest_ = std::max(highest_, begin + header.p_memsz);
    plan_.brk = highest_;
    if (header.p_offset <= table_offset && table_offset < header.p_offset + header.p_filesz) {
      plan_.phdr_address = table_offset - header.p_offset + begin;
    }
    if ((header.p_flags & abi::kElfExecute) != 0) {
      plan_.code_begin = std::min(plan_.code_begin, begin);
      plan_.code_end = std::max(plan_.code_end, begin + header.p_filesz);
    }
    plan_.data_begin = std::max(plan_.data_begin, begin);
    plan_.data_end = std::max(plan_.data_end, begin + header.p_filesz);
    // What isn't a power of two is ignored.
    bool power_of_two = (header.p_align & (header.p_align - 1)) == 0;
    if (role_ == Role::kProgram && power_of_two) {
      plan_.alignment = std::max(plan_.alignment, header.p_align);
    }
  }

  Result<void> CheckSpan() {
    if (!plan_.segments.empty()) {
      plan_.span_begin = lowest_;
      plan_.span_bytes = PageCeil(highest_) - lowest_;
    }
    bool needs_span =
        role_ == Role::kInterpreter || (position_independent() && !plan_.segments.empty());
    if (needs_span && highest_ == lowest_) {
      return Fail(EINVAL);
    }
    if (plan_.span_bytes > kUserEnd) {
      return Fail(ENOMEM);
    }
    // Linux finds a place by mapping the first segment's file part. Without one it ends up
    // at address 0, which is refused.
    if (position_independent() && needs_span && !first_has_file_ &&
        !plan_.interpreter.has_value()) {
      return Fail(EPERM);
    }
    return Ok();
  }

  LoadPlan& plan_;
  const Role role_;
  const uint64_t file_size_;
  bool first_has_file_ = false;
  uint64_t lowest_ = 0;
  uint64_t highest_ = 0;
};

void PlanSegments(LoadPlan& plan, Role role, const ElfHeader& header,
                  std::span<const ElfProgramHeader> table, uint64_t file_size) {
  plan.type = header.e_type == static_cast<uint16_t>(abi::ElfType::kShared)
                  ? LoadPlan::Type::kPositionIndependent
                  : LoadPlan::Type::kFixed;
  plan.entry = header.e_entry;
  plan.phdr_count = header.e_phnum;
  SegmentPlanner planner(plan, role, file_size);
  plan.deferred_errno = planner.PlanAll(table, header.e_phoff).error();
}

}  // namespace

Result<LoadPlan> PlanElf(ImageSource& image) {
  ElfHeader header = TRY(ReadProgramHead(image));
  if (!IsForThisMachine(header) || !IsLoadable(header)) {
    return Fail(ENOEXEC);
  }
  std::vector<ElfProgramHeader> table = TRY(ReadTable(image, header));
  LoadPlan plan;
  for (const ElfProgramHeader& entry : table) {
    // As on Linux, the first PT_INTERP counts, but the last PT_GNU_STACK.
    if (IsType(entry, ElfSegmentType::kInterpreter) && !plan.interpreter.has_value()) {
      plan.interpreter = TRY(ReadInterpreterPath(image, entry));
    }
    if (IsType(entry, ElfSegmentType::kGnuStack)) {
      plan.executable_stack = (entry.p_flags & abi::kElfExecute) != 0;
    }
  }
  PlanSegments(plan, Role::kProgram, header, table, image.size());
  return plan;
}

Result<LoadPlan> PlanInterpreter(ImageSource& image) {
  ElfHeader header{};
  TRY(ReadExactly(image, 0, std::as_writable_bytes(std::span(&header, 1))));
  if (!IsForThisMachine(header)) {
    return Fail(ELIBBAD);
  }
  Result<std::vector<ElfProgramHeader>> table = ReadTable(image, header);
  if (!table.ok()) {
    return Fail(ELIBBAD);
  }
  LoadPlan plan;
  PlanSegments(plan, Role::kInterpreter, header, *table, image.size());
  if (!IsLoadable(header)) {
    // Linux looks at the interpreter's type only when it maps it.
    plan.deferred_errno = EPERM;
  }
  return plan;
}

}  // namespace ukrun
