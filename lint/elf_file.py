"""Reads what check_image.py needs of an ELF-64 file: segments, sections, symbols,
relocations."""

import bisect
import struct
from typing import NamedTuple

SHF_EXECINSTR = 4
SHT_SYMTAB, SHT_RELA, SHT_DYNAMIC, SHT_REL, SHT_DYNSYM = 2, 4, 6, 9, 11
PT_LOAD, PT_INTERP, PT_TLS, PT_GNU_STACK = 1, 3, 7, 0x6474E551
PF_X, PF_W = 1, 2
STT_TLS, STT_GNU_IFUNC = 6, 10
ET_DYN = 3
DT_NEEDED, DT_TEXTREL = 1, 22
R_X86_64_RELATIVE = 8


class Section(NamedTuple):
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Segment(NamedTuple):
    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    size: int


class Symbol(NamedTuple):
    name: str
    type: int
    section: int  # 0: undefined
    address: int
    size: int


class ElfFile:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path}: not a little-endian ELF-64 file")
        header = struct.unpack_from("<HHIQQQIHHHHHH", self.data, 16)
        self.type = header[0]
        program_offset, section_offset = header[4], header[5]
        program_count, section_count, names = header[9], header[11], header[12]
        self.segments = [self._segment(program_offset + 56 * i) for i in range(program_count)]
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.data, section_offset + 64 * i)
               for i in range(section_count)]
        name_table = raw[names][4] if raw else 0
        self.sections = [Section(self._text(name_table + s[0]), s[1], s[2], s[3], s[4], s[5], s[6])
                         for s in raw]
        self.symbols = []
        for section in self.sections:
            if section.type in (SHT_SYMTAB, SHT_DYNSYM):
                self.symbols += self._symbols(section)
        self._places = None

    def _text(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("utf-8", "replace")

    def _segment(self, offset):
        kind, flags, file_offset, address, _, file_size, size, _ = struct.unpack_from(
            "<IIQQQQQQ", self.data, offset)
        return Segment(kind, flags, file_offset, address, file_size, size)

    def _symbols(self, section):
        strings = self.sections[section.link].offset
        for offset in range(section.offset + 24, section.offset + section.size, 24):
            name, info, _, index, value, size = struct.unpack_from("<IBBHQQ", self.data, offset)
            yield Symbol(self._text(strings + name), info & 15, index, value, size)

    def executable_bytes(self):
        """What is mapped executable: [(address, bytes)]."""
        return [(s.address, self.data[s.offset:s.offset + s.file_size])
                for s in self.segments if s.type == PT_LOAD and s.flags & PF_X]

    def relocation_types(self):
        """Of every relocation: (section name, type)."""
        for section in self.sections:
            if section.type in (SHT_RELA, SHT_REL):
                step = 24 if section.type == SHT_RELA else 16
                for offset in range(section.offset, section.offset + section.size, step):
                    _, info = struct.unpack_from("<QQ", self.data, offset)
                    yield section.name, info & 0xFFFFFFFF

    def dynamic_tags(self):
        for section in self.sections:
            if section.type == SHT_DYNAMIC:
                for offset in range(section.offset, section.offset + section.size, 16):
                    yield struct.unpack_from("<q", self.data, offset)[0]

    def symbol_at(self, address):
        """The name of the symbol that `address` lies in or behind; "" without one. Of several
        at one place the longest-reaching, and of those the first by name."""
        if self._places is None:
            best = {}
            for symbol in sorted(self.symbols, key=lambda s: (-s.size, s.name)):
                code = symbol.section != 0 and symbol.section < len(self.sections) and \
                    self.sections[symbol.section].flags & SHF_EXECINSTR
                if code and symbol.name:
                    best.setdefault(symbol.address, symbol.name)
            self._places = sorted(best.items())
        index = bisect.bisect_right(self._places, (address, chr(0x10FFFF))) - 1
        return self._places[index][1] if index >= 0 else ""
