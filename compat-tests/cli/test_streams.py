"""Standard streams pass through as they are."""

import hashlib
import os
import shlex
import signal
import socket
import subprocess
import unittest

from support import PYTHON, UkrunTest, also_native, status_of


@also_native
class StreamsTest(UkrunTest):
    def test_large_data_goes_through_unchanged(self):
        data = os.urandom(1 << 20) * 48
        process = self.start(self.command("cat", flags=["--quiet"]), stdin=-1, stdout=-1)
        out, _ = process.communicate(data, timeout=120)
        self.assertEqual(hashlib.sha256(out).digest(), hashlib.sha256(data).digest())
        self.assertEqual(process.returncode, 0)

    def run_with(self, stdin, *arguments):
        """Runs a command whose standard input is this open file."""
        command = self.command(*arguments, flags=["--quiet"])
        process = self.start(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (0, b""))
        return out

    def test_input_from_a_file(self):
        (self.work / "input").write_bytes(b"line\n" * 200000)
        with open(self.work / "input", "rb") as file:
            self.assertEqual(self.run_with(file, "wc", "-l"), b"200000\n")

    def test_offset_of_a_file_is_shared_with_the_caller(self):
        (self.work / "input").write_bytes(b"first\nsecond\nthird\n")
        with open(self.work / "input", "rb", buffering=0) as file:
            code = "import os; os.write(1, os.read(0, 6))"
            self.assertEqual(self.run_with(file, PYTHON, "-c", code), b"first\n")
            self.assertEqual(file.read(7), b"second\n")

    def test_output_to_a_file(self):
        with open(self.work / "output", "wb") as file:
            command = self.command("sh", "-c", "echo one; echo two >&2", flags=["--quiet"])
            process = self.start(command, stdout=file, stderr=file)
            self.assertEqual(process.wait(60), 0)
        self.assertEqual((self.work / "output").read_bytes(), b"one\ntwo\n")

    def test_appending_appends(self):
        path = self.work / "log"
        path.write_bytes(b"before\n")
        with open(path, "ab") as file:
            self.start(self.command("echo", "after", flags=["--quiet"]), stdout=file).wait(60)
        self.assertEqual(path.read_bytes(), b"before\nafter\n")

    def test_end_of_input_arrives(self):
        self.assert_ok(self.guest("cat"), "")
        self.assert_ok(self.guest("cat", stdin="text"), "text")

    def test_input_that_the_caller_has_read_is_gone(self):
        command = shlex.join(self.command("cat", flags=["--quiet"]))
        script = f"read -r line; {command}"
        result = self.execute(["/bin/bash", "-c", script], stdin="mine\nthe guest's\n")
        self.assertEqual(result.out, "the guest's\n", result)

    def test_output_that_nobody_reads_is_a_broken_pipe(self):
        process = self.start(self.command("yes", flags=["--quiet"]), stdout=-1, stderr=-1)
        process.stdout.read(100)
        process.stdout.close()
        process.wait(60)
        self.assertEqual(status_of(process.returncode), 128 + signal.SIGPIPE)

    def test_full_output_is_enospc(self):
        with open("/dev/full", "wb") as full:
            code = (
                "import errno, os\n"
                "try: os.write(1, b'x')\n"
                "except OSError as error: os.write(2, errno.errorcode[error.errno].encode())\n"
            )
            command = self.command(PYTHON, "-c", code, flags=["--quiet"])
            process = self.start(command, stdout=full, stderr=-1)
            _, err = process.communicate(timeout=60)
        self.assertEqual(err, b"ENOSPC")

    def test_closed_streams(self):
        command = self.command("sh", "-c", "echo to-stderr >&2", flags=["--quiet"])
        result = self.execute(["/bin/sh", "-c", f"{shlex.join(command)} <&- >&-"])
        self.assertEqual((result.status, result.err), (0, "to-stderr\n"), result)

    def test_answers_come_at_once(self):
        """Nothing holds data back: a question, an answer, a hundred times."""
        process = self.start(self.command("cat", flags=["--quiet"]), stdin=-1, stdout=-1)
        for number in range(100):
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"%d\n" % number)
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)

    def test_streams_are_what_they_are(self):
        code = (
            "import os, stat\n"
            "for fd in 0, 1: print(stat.S_ISFIFO(os.fstat(fd).st_mode), os.isatty(fd))\n"
        )
        self.assert_ok(self.python(code, stdin=""), "True False\n" * 2)

    def test_sockets_as_streams(self):
        ours, theirs = socket.socketpair()
        process = self.start(self.command("cat", flags=["--quiet"]), stdin=theirs, stdout=theirs)
        theirs.close()
        ours.sendall(b"through a socket")
        ours.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := ours.recv(100):
            data += chunk
        self.assertEqual(data, b"through a socket")
        self.assertEqual(process.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
