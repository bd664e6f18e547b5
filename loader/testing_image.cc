#include "loader/testing_image.h"

#include <functional>

namespace ukrun::testing {
namespace {

using abi::ElfSegmentType;

using Spoil = std::function<void(TestImage&)>;

class Collection {
 public:
  void Add(std::string name, TestImage image, const Spoil& spoil) {
    spoil(image);
    images_.push_back({std::move(name), image.Build()});
  }
  void AddBytes(std::string name, std::vector<std::byte> bytes) {
    images_.push_back({std::move(name), std::move(bytes)});
  }
  std::vector<NamedImage> Take() { return std::move(images_); }

 private:
  std::vector<NamedImage> images_;
};

constexpr uint64_t kHuge = 0x7fff'ffff'ffff'f000;

void AddHeaders(Collection& all, const std::string& prefix, const TestImage& sane) {
  auto add = [&](const char* name, const Spoil& spoil) { all.Add(prefix + name, sane, spoil); };
  add("sane", [](TestImage&) {});
  add("magic", [](TestImage& i) { i.header.e_ident[1] = 'e'; });
  add("class_32", [](TestImage& i) { i.header.e_ident[4] = 1; });
  add("big_endian", [](TestImage& i) { i.header.e_ident[5] = 2; });
  add("ident_version", [](TestImage& i) { i.header.e_ident[6] = 9; });
  add("version", [](TestImage& i) { i.header.e_version = 7; });
  add("type_none", [](TestImage& i) { i.header.e_type = 0; });
  add("type_relocatable", [](TestImage& i) { i.header.e_type = 1; });
  add("type_core", [](TestImage& i) { i.header.e_type = 4; });
  add("machine_arm64", [](TestImage& i) { i.header.e_machine = 183; });
  add("machine_i386", [](TestImage& i) { i.header.e_machine = 3; });
  add("phentsize_small", [](TestImage& i) { i.header.e_phentsize = 55; });
  add("phentsize_zero", [](TestImage& i) { i.header.e_phentsize = 0; });
  add("phnum_zero", [](TestImage& i) { i.header.e_phnum = 0; });
  add("phnum_just_over", [](TestImage& i) {
    i.header.e_phnum = 1171;
    i.file_bytes = 0x20000;
  });
  add("phnum_most", [](TestImage& i) {
    i.header.e_phnum = 1170;
    i.file_bytes = 0x20000;
    i.header.e_phoff = 0x8000;
  });
  add("phnum_all", [](TestImage& i) { i.header.e_phnum = 0xffff; });
  add("phoff_at_end", [](TestImage& i) { i.header.e_phoff = i.file_bytes - 8; });
  add("phoff_negative", [](TestImage& i) { i.header.e_phoff = ~uint64_t{0} - 63; });
  add("phoff_largest", [](TestImage& i) { i.header.e_phoff = (uint64_t{1} << 63) - 1; });
  add("cut_in_header", [](TestImage& i) { i.file_bytes = 40; });
  add("cut_after_header", [](TestImage& i) { i.file_bytes = sizeof(abi::ElfHeader); });
  add("cut_in_table", [](TestImage& i) { i.file_bytes = sizeof(abi::ElfHeader) + 20; });
  add("entry_beyond", [](TestImage& i) { i.header.e_entry = uint64_t{1} << 62; });
}

void AddSegments(Collection& all, const std::string& prefix, const TestImage& sane) {
  auto add = [&](const char* name, const Spoil& spoil) { all.Add(prefix + name, sane, spoil); };
  add("filesz_above_memsz", [](TestImage& i) { i.load().p_memsz = i.load().p_filesz - 1; });
  add("memsz_huge", [](TestImage& i) { i.load().p_memsz = kHuge; });
  add("memsz_all", [](TestImage& i) { i.load().p_memsz = ~uint64_t{0}; });
  add("filesz_all", [](TestImage& i) { i.load().p_filesz = i.load().p_memsz = ~uint64_t{0}; });
  add("filesz_beyond_end", [](TestImage& i) { i.load().p_filesz = i.load().p_memsz = 0x9000; });
  add("offset_misaligned", [](TestImage& i) { i.load().p_offset = 8; });
  add("offset_huge", [](TestImage& i) { i.load().p_offset = kHuge; });
  add("offset_negative", [](TestImage& i) { i.load().p_offset = ~uint64_t{0} - 0xfff; });
  add("offset_beyond_end_writable", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more = i.load();
    more.p_flags = abi::kElfRead | abi::kElfWrite;
    more.p_vaddr += 0x10000;
    more.p_offset = 0x10000;
    more.p_filesz = 0x10;
    more.p_memsz = 0x20;
  });
  add("offset_beyond_end_read_only", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more = i.load();
    more.p_flags = abi::kElfRead;
    more.p_vaddr += 0x10000;
    more.p_offset = 0x10000;
    more.p_filesz = 0x10;
    more.p_memsz = 0x20;
  });
  add("align_odd", [](TestImage& i) { i.load().p_align = 0x3001; });
  add("align_zero", [](TestImage& i) { i.load().p_align = 0; });
  add("align_2m", [](TestImage& i) { i.load().p_align = 0x200000; });
  add("second_at_top", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more.p_vaddr = 0x7fff'ffff'f000;
    more.p_memsz = 1;
  });
  add("second_wraps", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more.p_vaddr = ~uint64_t{0} - 0xfff;
    more.p_memsz = 0x2000;
  });
  add("second_empty", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more.p_vaddr = i.load().p_vaddr + 0x5000;
  });
  add("second_overlaps", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kLoad);
    more = i.load();
  });
  add("bss", [](TestImage& i) {
    i.load().p_flags |= abi::kElfWrite;
    i.load().p_filesz = 0xc00;
    i.load().p_memsz = 0x100000;
  });
  add("bss_read_only", [](TestImage& i) {
    i.load().p_filesz = 0xc00;
    i.load().p_memsz = 0x3000;
  });
  add("stack_executable",
      [](TestImage& i) { i.Add(ElfSegmentType::kGnuStack).p_flags = abi::kElfExecute; });
  add("property_garbage", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kNote);
    more.p_type = 0x6474e553;  // PT_GNU_PROPERTY
    more.p_offset = kHuge;
    more.p_filesz = 3;
  });
}

void AddInterpreterPaths(Collection& all, const std::string& prefix, const TestImage& sane,
                         const std::string& path) {
  auto add = [&](const char* name, const Spoil& spoil) {
    TestImage image = sane;
    image.AddInterpreter(path);
    all.Add(prefix + name, image, spoil);
  };
  add("interpreter", [](TestImage&) {});
  add("interpreter_size_0", [](TestImage& i) { i.table.back().p_filesz = 0; });
  add("interpreter_size_1", [](TestImage& i) { i.table.back().p_filesz = 1; });
  add("interpreter_size_4097", [](TestImage& i) { i.table.back().p_filesz = 4097; });
  add("interpreter_size_all", [](TestImage& i) { i.table.back().p_filesz = ~uint64_t{0}; });
  add("interpreter_without_nul", [](TestImage& i) { --i.table.back().p_filesz; });
  add("interpreter_nul_inside", [](TestImage& i) { i.table.back().p_filesz += 20; });
  add("interpreter_beyond_end", [](TestImage& i) { i.table.back().p_offset = i.file_bytes - 2; });
  add("interpreter_offset_negative", [](TestImage& i) { i.table.back().p_offset = ~0ull - 9; });
  add("interpreter_offset_largest", [](TestImage& i) { i.table.back().p_offset = ~0ull >> 1; });
  add("interpreter_and_odd_entry", [](TestImage& i) { i.header.e_entry = uint64_t{1} << 62; });
  add("interpreter_twice", [](TestImage& i) {
    abi::ElfProgramHeader& more = i.Add(ElfSegmentType::kInterpreter);
    more.p_filesz = 1;
  });
  add("interpreter_and_bad_segment", [](TestImage& i) { i.load().p_offset = 8; });
}

}  // namespace

std::vector<NamedImage> MalformedImages(const std::string& interpreter) {
  Collection all;
  all.AddBytes("empty", {});
  all.AddBytes("one_byte", Bytes("\x7f"));
  all.AddBytes("magic_only", Bytes("\x7f"
                                   "ELF"));
  all.AddBytes("text", Bytes("hello, world\n"));
  AddHeaders(all, "fixed_", FixedImage());
  AddHeaders(all, "pie_", PieImage());
  AddSegments(all, "fixed_", FixedImage());
  AddSegments(all, "pie_", PieImage());
  AddInterpreterPaths(all, "fixed_", FixedImage(), interpreter);
  AddInterpreterPaths(all, "pie_", PieImage(), interpreter);
  all.Add("pie_first_nowhere", PieImage(),
          [](TestImage& i) { i.load().p_filesz = i.load().p_memsz = 0; });
  all.Add("pie_linked_high", PieImage(), [](TestImage& i) {
    i.load().p_vaddr = 0x1234'5678'9000;
    i.header.e_entry += i.load().p_vaddr;
  });
  all.Add("pie_linked_within_page", PieImage(), [](TestImage& i) {
    i.load().p_vaddr = 0x5200;
    i.load().p_offset = 0x200;
    i.load().p_filesz -= 0x200;
    i.header.e_entry += 0x5000;
  });
  return all.Take();
}

std::vector<NamedImage> MalformedInterpreters() {
  Collection all;
  all.AddBytes("empty", {});
  all.AddBytes("text", Bytes("hello, world\n"));
  all.AddBytes("long_text", Bytes(std::string(100, 'x')));
  all.AddBytes("script", Bytes("#!/bin/sh\n" + std::string(100, '\n')));
  AddHeaders(all, "fixed_", FixedImage());
  AddHeaders(all, "pie_", PieImage());
  AddSegments(all, "pie_", PieImage());
  all.Add("pie_own_interpreter", PieImage(),
          [](TestImage& i) { i.AddInterpreter("/nonexistent"); });
  all.Add("pie_linked_above_the_end", PieImage(), [](TestImage& i) {
    i.load().p_vaddr = 0xffff'8000'0000'0000;
    i.header.e_entry += i.load().p_vaddr;
  });
  all.Add("pie_without_segments", PieImage(), [](TestImage& i) { i.load().p_type = 0; });
  return all.Take();
}

std::vector<NamedImage> ScriptHeads(const std::string& interpreter) {
  Collection all;
  auto add = [&all](const char* name, const std::string& text) { all.AddBytes(name, Bytes(text)); };
  std::string long_path = "/" + std::string(300, 'a');
  add("plain", "#!" + interpreter + "\n");
  add("blanks_before", "#! \t " + interpreter + "\n");
  add("blanks_behind", "#!" + interpreter + " \t \n");
  add("argument", "#!" + interpreter + " -x\n");
  add("argument_with_blanks", "#! " + interpreter + "   -x  -y\t-z  \n");
  add("no_newline", "#!" + interpreter);
  add("no_newline_argument", "#!" + interpreter + " -x");
  add("no_newline_blank", "#!" + interpreter + " ");
  add("carriage_return", "#!" + interpreter + " -x\r\n");
  add("empty_line", "#!\n");
  add("only_blanks", "#! \t  \n");
  add("only_marks", "#!");
  add("only_blanks_no_newline", "#!   ");
  add("all_blanks", "#!" + std::string(400, ' '));
  add("all_blanks_newline_late", "#!" + std::string(400, ' ') + "\n");
  add("path_cut_off", "#!" + long_path + "\n");
  add("argument_cut_off", "#!" + interpreter + " " + std::string(400, 'b') + "\n");
  add("cut_off_between", "#!" + interpreter + std::string(400, ' ') + "-x\n");
  add("blank_mark", "# !" + interpreter + "\n");
  add("nul_before_newline", "#!" + interpreter + std::string(1, '\0') + "rest\n");
  add("nul_in_argument", "#!" + interpreter + " a" + std::string(1, '\0') + "b\n");
  add("nul_first", std::string("#!\0x\n", 5));
  for (size_t total : {254u, 255u, 256u, 257u}) {
    // The newline at the very end of what is looked at, and around it.
    std::string text = "#!" + interpreter + " ";
    text += std::string(total - text.size() - 1, 'c') + "\n";
    all.AddBytes("newline_at_" + std::to_string(total - 1), Bytes(text));
  }
  return all.Take();
}

std::string WhatIsWrongWith(const LoadPlan& plan) {
  auto aligned = [](uint64_t value) { return value % kPageSize == 0; };
  if (plan.deferred_errno != 0) {
    return "";
  }
  if (!aligned(plan.span_begin) || !aligned(plan.span_bytes)) {
    return "the span is not aligned";
  }
  if (plan.span_bytes > kUserEnd || plan.span_begin > ~uint64_t{0} - plan.span_bytes) {
    return "the span is too large";
  }
  uint64_t span_end = plan.span_begin + plan.span_bytes;
  for (const LoadSegment& segment : plan.segments) {
    if (!aligned(segment.address) || !aligned(segment.file_offset) ||
        !aligned(segment.file_bytes) || !aligned(segment.anonymous_address) ||
        !aligned(segment.anonymous_bytes)) {
      return "a segment is not aligned";
    }
    if (segment.address < plan.span_begin || segment.address > span_end ||
        segment.file_bytes > span_end - segment.address) {
      return "file bytes outside the span";
    }
    if (segment.file_offset > (uint64_t{1} << 63) - 1 - segment.file_bytes) {
      return "an impossible file offset";
    }
    uint64_t file_end = segment.address + segment.file_bytes;
    if (segment.zero_bytes >= kPageSize ||
        (segment.zero_bytes != 0 && segment.zero_address + segment.zero_bytes != file_end)) {
      return "zeros at the wrong place";
    }
    if (segment.anonymous_bytes != 0 &&
        (segment.anonymous_address != file_end || segment.anonymous_bytes > span_end - file_end)) {
      return "anonymous memory at the wrong place";
    }
  }
  return "";
}

}  // namespace ukrun::testing
