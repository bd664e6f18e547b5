"""Programs that are missing, unreadable or malformed: what Linux says, and nothing breaks."""

import os
import struct
import unittest
from pathlib import Path

from support import NOT_EXECUTABLE, NOT_FOUND, UkrunTest

# execve inside, and the errno's name.
EXEC = (
    "import errno, os, sys\n"
    "try: os.execv(sys.argv[1], sys.argv[1:])\n"
    "except OSError as error: print(errno.errorcode[error.errno])\n"
)


class BadProgramsTest(UkrunTest):
    def make(self, name, data, mode=0o755):
        path = self.work / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def damaged(self, name, changes, size=None):
        """A copy of a real program with some bytes overwritten, or cut short."""
        data = bytearray(Path("/bin/true").read_bytes())
        for offset, replacement in changes.items():
            data[offset : offset + len(replacement)] = replacement
        return self.make(name, bytes(data[:size] if size is not None else data))

    def test_damaged_programs_cannot_be_started(self):
        programs = (
            self.make("empty", b""),
            self.make("garbage", bytes(range(256)) * 16),
            self.make("only-magic", b"\x7fELF"),
            self.damaged("header-cut", {}, 40),
            self.damaged("table-cut", {}, 100),
            self.damaged("arm", {18: struct.pack("<H", 183)}),
            self.damaged("relocatable", {16: struct.pack("<H", 1)}),
            self.damaged("entry-size", {54: struct.pack("<H", 55)}),
            self.damaged("no-headers", {56: struct.pack("<H", 0)}),
            self.damaged("too-many-headers", {56: struct.pack("<H", 65535)}),
            self.damaged("headers-far-away", {32: struct.pack("<Q", 1 << 62)}),
        )
        for program in programs:
            with self.subTest(program=program.name):
                result = self.guest(program)
                self.assertEqual(result.status, NOT_EXECUTABLE, result)
                self.assertEqual(result.out, "")
                self.assert_one_line(result.err, program.name)

    def test_errno_inside_is_linuxs(self):
        """The same execve natively and inside, over every field of the ELF header."""
        programs = [self.make("empty", b""), self.make("text", b"plain text\n")]
        programs.append(self.make("unreadable", Path("/bin/true").read_bytes(), 0o111))
        programs.append(self.make("not-executable", Path("/bin/true").read_bytes(), 0o644))
        for size in (1, 4, 16, 63, 64, 65, 119, 120, 500):
            programs.append(self.damaged(f"cut-{size}", {}, size))
        for offset in (4, 5, 6, 7, 16, 18, 20, 24, 32, 48, 52, 54, 56):
            programs.append(self.damaged(f"byte-{offset}", {offset: b"\xff"}))
        different = []
        for program in programs:
            native = self.execute(["/usr/bin/python3", "-c", EXEC, program])
            inside = self.guest("/usr/bin/python3", "-c", EXEC, program)
            seen = [(result.status, result.out) for result in (native, inside)]
            if seen[0] != seen[1]:
                different.append((program.name, *seen))
        self.assertEqual(different, [])

    def program_header(self, kind):
        """The offset of the first program header of a kind in /bin/true."""
        data = Path("/bin/true").read_bytes()
        start, size, count = struct.unpack_from("<Q", data, 32)[0], 56, data[56]
        for index in range(count):
            offset = start + index * size
            if struct.unpack_from("<I", data, offset)[0] == kind:
                return offset
        raise AssertionError(f"/bin/true has no program header of kind {kind}")

    def test_wild_segments_kill_the_program_at_most(self):
        """Addresses and sizes that no program has, the kernel's own region among them."""
        load = self.program_header(1)
        for name, field, value in (
            ("address-at-top", 16, 0x7FFF_FFFF_F000),
            ("address-in-the-kernel-window", 16, 0x5700_0000_0000),
            ("address-not-canonical", 16, 1 << 63),
            ("memory-size-huge", 40, (1 << 64) - 4096),
            ("memory-size-over-window", 40, 1 << 47),
            ("file-size-huge", 32, 1 << 62),
            ("offset-wild", 8, 0xFFFF_FFFF_FFFF_F000),
            ("offset-unaligned", 8, 123),
        ):
            with self.subTest(field=name):
                result = self.guest(self.damaged(name, {load + field: struct.pack("<Q", value)}))
                self.assertNotEqual(result.status, 0, result)
                self.assertNotIn("panic", result.err.lower())
                self.assertLess(result.seconds, 30)
        result = self.guest(self.damaged("entry", {24: struct.pack("<Q", 0x5700_0000_1000)}))
        self.assertNotEqual(result.status, 0)

    def test_interpreter_that_is_missing_or_itself(self):
        offset = self.program_header(3)
        data = Path("/bin/true").read_bytes()
        position = struct.unpack_from("<Q", data, offset + 8)[0]
        length = struct.unpack_from("<Q", data, offset + 32)[0]
        for name in ("/nonexistent", "/proc/self/exe", "/etc/passwd", "/", "", "x" * 10):
            with self.subTest(interpreter=name):
                text = name.encode().ljust(length, b"\0")[:length]
                result = self.guest(self.damaged("interpreted", {position: text}))
                self.assertIn(result.status, (NOT_EXECUTABLE, NOT_FOUND, 128 + 9, 128 + 11), result)

    def test_scripts_whose_interpreter_is_missing(self):
        for name, text in (
            ("missing", b"#!/nonexistent/interpreter\n"),
            ("directory", b"#!/etc\n"),
            ("itself", b"#!./itself\n"),
        ):
            with self.subTest(script=name):
                result = self.guest("./" + self.make(name, text).name)
                self.assertIn(result.status, (NOT_EXECUTABLE, NOT_FOUND), result)
                self.assert_one_line(result.err, name)

    def test_unreadable_program(self):
        """Executable but not readable: it runs, as on Linux."""
        if os.getuid() == 0:
            self.skipTest("root may read everything")
        program = self.make("secretive", Path("/bin/true").read_bytes(), 0o111)
        self.assert_ok(self.guest(program))

    def test_paths_that_are_odd(self):
        os.symlink("loop", self.work / "loop")
        long_name = "x" * 300
        for path in ("./loop", "./" + long_name, "/" + "d/" * 3000 + "x", "/bin/true/x", "./"):
            with self.subTest(path=path[:40]):
                result = self.guest(path)
                self.assertIn(result.status, (NOT_EXECUTABLE, NOT_FOUND), result)
                self.assertEqual(len(result.err.splitlines()), 1, result)

    def test_fifo_and_device_as_program(self):
        os.mkfifo(self.work / "fifo", 0o755)
        os.chmod(self.work / "fifo", 0o755)
        for path in ("./fifo", "/dev/null"):
            with self.subTest(path=path):
                result = self.guest(path, timeout=30)
                self.assertEqual(result.status, NOT_EXECUTABLE, result)

    def test_program_that_is_too_big_to_be_true(self):
        program = self.damaged("sparse", {})
        os.truncate(program, 1 << 40)
        self.assert_ok(self.guest(program))


if __name__ == "__main__":
    unittest.main()
