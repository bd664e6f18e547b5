#!/usr/bin/python3
"""Checks the linked image of the Sentry: it holds no instruction that a jump could turn
against it, and nothing of a C library.

    lint/check_image.py BINARY [ALLOWLIST]

Everything that is found and that the list (lint/image_allowlist.txt) doesn't name is a
problem; so is a count that differs from the list's. Looked for are:
  - SYSCALL, SYSENTER, INT 0x80, WRPKRU, XRSTOR, AVX and undecodable instructions, by objdump;
  - the same bytes (but AVX) at any offset of the executable segments;
  - IFUNC symbols, relocations other than R_X86_64_RELATIVE, undefined symbols, and symbols
    of pthread, C library, exceptions, RTTI;
  - thread-local data, an interpreter, needed libraries, text relocations, memory that is
    writable and executable, an executable stack.
"""

import collections
import fnmatch
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import elf_file  # noqa: E402
import source_tree  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))

# In objdump's spelling. XRSTORS too: what loads PKRU must not be there in any form.
MNEMONICS = {
    "syscall": "syscall", "sysenter": "sysenter", "wrpkru": "wrpkru",
    "xrstor": "xrstor", "xrstor64": "xrstor", "xrstors": "xrstor", "xrstors64": "xrstor",
    "(bad)": "bad",
}
NOT_AVX = {"verr", "verw"}
AVX_REGISTER = re.compile(r"%[yz]mm\d|%k[0-7]\b")
PREFIX_WORDS = {"lock", "rep", "repz", "repnz", "bnd", "notrack", "data16", "addr32", "cs", "ds",
                "es", "ss", "fs", "gs", "xacquire", "xrelease"}
PREFIX_BYTES = bytes([0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0xF0,
                      *range(0x40, 0x50)])
# Lookahead, so that overlapping ones are all found. XRSTOR: 0f ae /5 with a memory operand.
BYTES = {
    "syscall": re.compile(rb"(?=\x0f\x05)", re.DOTALL),
    "sysenter": re.compile(rb"(?=\x0f\x34)", re.DOTALL),
    "int80": re.compile(rb"(?=\xcd\x80)", re.DOTALL),
    "wrpkru": re.compile(rb"(?=\x0f\x01\xef)", re.DOTALL),
    "xrstor": re.compile(rb"(?=\x0f\xae[\x28-\x2f\x68-\x6f\xa8-\xaf])", re.DOTALL),
}

FORBIDDEN_SYMBOLS = """
    pthread_* __pthread_* __nptl_* __libc_* _dl_* dlopen dlsym dl_iterate_phdr __tls_get_addr
    mmap mmap64 munmap mprotect mremap madvise brk sbrk syscall clone fork vfork execve
    open open64 openat read write close socket getenv environ atexit exit __errno_location
    *printf *scanf fopen fwrite puts stdout stderr
    __cxa_throw __cxa_allocate_exception __cxa_begin_catch __cxa_guard_acquire
    __cxa_thread_atexit* __gxx_personality_v0 _Unwind_* __dynamic_cast
    _ZNSt6thread* _ZNSt5mutex* _ZSt9call_once* _ZNSt18condition_variable*
""".split()

Finding = collections.namedtuple("Finding", "kind name place")


class Allowance:
    """One line of the list."""

    def __init__(self, place, line):
        words = line.split(None, 3)
        match = re.fullmatch(r"(<=)?(\d+)", words[2]) if len(words) == 4 else None
        if match is None:
            raise ValueError(f"{place}: expected KIND NAME COUNT REASON...")
        self.place = place
        self.kind, self.name = words[0], words[1]
        self.exact, self.limit = match.group(1) is None, int(match.group(2))
        self.found = []

    def matches(self, finding):
        return finding.kind == self.kind and fnmatch.fnmatchcase(finding.name, self.name)

    def problem(self):
        count = len(self.found)
        if count <= self.limit and (count == self.limit or not self.exact):
            return None
        expected = self.limit if self.exact else f"at most {self.limit}"
        where = "".join(f"\n    {f.name} {f.place}" for f in self.found[:20])
        return f"{self.place}: [{self.kind}] {self.name}: {count} found, {expected} listed{where}"


def read_allowlist(path):
    return [Allowance(f"{os.path.basename(path)}:{number}", line)
            for number, line in source_tree.read_lines(path)]


def instruction_kind(text):
    """The kind of an instruction in objdump's words; None if it is harmless."""
    words = text.split()
    while words and (words[0] in PREFIX_WORDS or words[0].startswith("rex")):
        words = words[1:]
    if not words:
        return None
    mnemonic, operands = words[0], " ".join(words[1:])
    if mnemonic in MNEMONICS:
        return MNEMONICS[mnemonic]
    if mnemonic == "int" and operands.startswith("$0x80"):
        return "int80"
    if mnemonic.startswith("v") and mnemonic not in NOT_AVX or AVX_REGISTER.search(operands):
        return "avx"
    return None


def disassemble(path):
    """[(address, text)] of every instruction in executable sections, in order."""
    output = subprocess.run(["objdump", "-d", "-z", "-w", "--no-show-raw-insn", path],
                            check=True, capture_output=True, text=True).stdout
    line = re.compile(r"^\s*([0-9a-f]+):\s+(\S.*)$", re.MULTILINE)
    return [(int(address, 16), text) for address, text in line.findall(output)]


def find_instructions(image, instructions):
    """The dangerous instructions, and where their first bytes behind the prefixes lie:
    {(kind, address)}."""
    findings, opcodes = [], set()
    segments = image.executable_bytes()
    for address, text in instructions:
        kind = instruction_kind(text)
        if kind is None:
            continue
        findings.append(Finding(kind, image.symbol_at(address), f"at {address:#x}: {text}"))
        for begin, data in segments:
            if begin <= address < begin + len(data):
                offset = address - begin
                while offset < len(data) and data[offset] in PREFIX_BYTES:
                    offset += 1
                opcodes.add((kind, begin + offset))
    return findings, opcodes


def find_hidden(image, opcodes):
    for begin, data in image.executable_bytes():
        for kind, pattern in BYTES.items():
            for match in pattern.finditer(data):
                address = begin + match.start()
                if (kind, address) not in opcodes:
                    yield Finding(f"hidden-{kind}", image.symbol_at(address), f"at {address:#x}")


def find_symbols(image):
    seen = set()
    for symbol in image.symbols:
        if not symbol.name or symbol.name in seen:
            continue
        seen.add(symbol.name)
        if symbol.type == elf_file.STT_GNU_IFUNC:
            yield Finding("ifunc", symbol.name, "")
        if symbol.section == 0:
            yield Finding("undefined", symbol.name, "")
        if any(fnmatch.fnmatchcase(symbol.name, pattern) for pattern in FORBIDDEN_SYMBOLS):
            yield Finding("forbidden", symbol.name, "")
    if not seen:
        yield Finding("image", "without-symbols", "")


def find_properties(image):
    for section, kind in image.relocation_types():
        if kind != elf_file.R_X86_64_RELATIVE:
            yield Finding("relocation", str(kind), f"in {section}")
    if image.type != elf_file.ET_DYN:
        yield Finding("image", "not-position-independent", "")
    if not image.executable_bytes():
        yield Finding("image", "without-code", "")
    for segment in image.segments:
        if segment.type == elf_file.PT_TLS and segment.size > 0:
            yield Finding("image", "thread-local-data", f"{segment.size} bytes")
        if segment.type == elf_file.PT_INTERP:
            yield Finding("image", "interpreter", "")
        if segment.type == elf_file.PT_GNU_STACK and segment.flags & elf_file.PF_X:
            yield Finding("image", "executable-stack", "")
        writable_code = elf_file.PF_X | elf_file.PF_W
        if segment.type == elf_file.PT_LOAD and segment.flags & writable_code == writable_code:
            yield Finding("image", "writable-code", f"at {segment.address:#x}")
    for tag in image.dynamic_tags():
        if tag == elf_file.DT_NEEDED:
            yield Finding("image", "needed-library", "")
        if tag == elf_file.DT_TEXTREL:
            yield Finding("image", "text-relocations", "")


def check(path, allowances):
    """The problems of the image, as lines of text."""
    image = elf_file.ElfFile(path)
    findings, opcodes = find_instructions(image, disassemble(path))
    findings += find_hidden(image, opcodes)
    findings += find_symbols(image)
    findings += find_properties(image)
    problems = []
    for finding in findings:
        allowance = next((a for a in allowances if a.matches(finding)), None)
        if allowance is None:
            problems.append(f"[{finding.kind}] {finding.name} {finding.place}".rstrip())
        else:
            allowance.found.append(finding)
    return problems + [p for p in (a.problem() for a in allowances) if p]


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    listed = arguments[1] if len(arguments) == 2 else os.path.join(HERE, "image_allowlist.txt")
    allowances = read_allowlist(listed)
    status = source_tree.report("check_image", check(arguments[0], allowances))
    for allowance in allowances:
        print(f"  {allowance.kind} {allowance.name}: {len(allowance.found)}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
