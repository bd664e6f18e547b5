// Turns an ELF file into a load plan: what to map where, as Linux's binfmt_elf does it.
//
// Used by execve. The plan is plain data; the Sentry's mm carries it out (it chooses the
// bias with loader/layout.h, checks it with CheckPlacement, then maps). Nothing here maps
// memory, opens files or knows of either.
//
// Linux finds some faults of a file before it gives up the old program, and execve returns
// them; others only afterwards, and then the process dies of SIGSEGV. The first kind is the
// Result's errno. The second is LoadPlan::deferred_errno.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/page.h"
#include "base/result.h"
#include "base/window.h"
#include "loader/image_source.h"

namespace ukrun {

// The steps for one PT_LOAD, in the order given here. Addresses are the file's own: the
// bias is to be added (modulo 2^64). Later segments replace what earlier ones mapped
// (MAP_FIXED), overlaps included.
struct LoadSegment {
  // A private mapping of [file_offset, file_offset + file_bytes) at `address`, with
  // `protection`. All three are multiples of a page; file_bytes 0 means no such mapping.
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t file_bytes = 0;

  // Then [zero_address, zero_address + zero_bytes) is filled with zeros: the rest of the
  // last file page. Less than a page, and only of writable segments: as on Linux, a
  // read-only segment keeps what the file has there. If it faults (the page lies behind
  // the end of the file), the exec fails as with deferred_errno.
  uint64_t zero_address = 0;
  uint64_t zero_bytes = 0;

  // Then anonymous memory, whole pages; 0 bytes means none. As on Linux it is readable and
  // writable whatever the segment says, and executable if the segment is.
  uint64_t anonymous_address = 0;
  uint64_t anonymous_bytes = 0;

  // Of the file mapping: PROT_READ, PROT_WRITE, PROT_EXEC (1, 2, 4).
  int protection = 0;
  int anonymous_protection = 0;
};

struct LoadPlan {
  enum class Type : uint8_t {
    kFixed,                // ET_EXEC: the bias is 0
    kPositionIndependent,  // ET_DYN
  };
  Type type = Type::kFixed;

  // Not 0: the file is bad in a way that Linux notices after the point of no return. The
  // rest of the plan must not be used; the task is to die by SIGSEGV.
  int deferred_errno = 0;

  // In file order. May be empty: Linux starts such a program, and its first instruction
  // faults.
  std::vector<LoadSegment> segments;

  // The pages from the lowest to the highest that the segments touch: what has to be free.
  uint64_t span_begin = 0;
  uint64_t span_bytes = 0;
  // p_vaddr of the first segment in file order, which is what Linux places. In sane files
  // it lies on the page span_begin.
  uint64_t first_address = 0;
  // The largest p_align that is a power of two, at least a page. Of use to programs; as on
  // Linux, interpreters are not aligned.
  uint64_t alignment = kPageSize;

  uint64_t entry = 0;         // e_entry, without the bias
  uint64_t phdr_address = 0;  // AT_PHDR, without the bias; 0 if no segment holds the table
  uint16_t phdr_count = 0;    // AT_PHNUM

  // Set for programs with a PT_INTERP. May be any bytes, without NUL; relative; or empty,
  // which Linux takes for the working directory (EACCES).
  std::optional<std::string> interpreter;
  // From PT_GNU_STACK; without one the stack is not executable.
  bool executable_stack = false;

  // End of the highest segment, not rounded, without the bias. Where the heap begins is for
  // loader/layout.h.
  uint64_t brk = 0;
  // For /proc/PID/stat, as Linux fills them in; without the bias.
  uint64_t code_begin = 0;
  uint64_t code_end = 0;
  uint64_t data_begin = 0;
  uint64_t data_end = 0;
};

// The plan for a program.
// Errors: ENOEXEC if it is not a program for this machine, or a malformed one; EIO for a
// PT_INTERP that the file ends in, EINVAL for one at an impossible offset; what
// ImageSource gives.
Result<LoadPlan> PlanElf(ImageSource& image);

// The plan for the file that a program's PT_INTERP names. A PT_INTERP of its own is
// ignored.
// Errors: ELIBBAD if it is not an interpreter for this machine; EIO if it is shorter than
// an ELF header; what ImageSource gives.
Result<LoadPlan> PlanInterpreter(ImageSource& image);

}  // namespace ukrun
