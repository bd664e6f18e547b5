"""The exit status: the command's own, 128+N for signal N, and 125, 126 and 127."""

import signal
import unittest

from support import NOT_EXECUTABLE, NOT_FOUND, UkrunTest, also_native


class ExitStatusTest(UkrunTest):
    @also_native
    def test_status_of_the_command_is_passed_through(self):
        for status in (0, 1, 3, 42, 125, 126, 127, 128, 255):
            with self.subTest(status=status):
                result = self.shell(f"exit {status}")
                self.assertEqual(result.status, status, result)
                self.assertEqual(result.out + result.err, "")

    @also_native
    def test_death_by_signal_is_128_plus_its_number(self):
        for number in ("HUP", "INT", "ABRT", "KILL", "USR1", "SEGV", "PIPE", "ALRM", "TERM", "BUS"):
            with self.subTest(signal=number):
                result = self.shell(f"ulimit -c 0; kill -{number} $$; sleep 20")
                self.assertEqual(result.status, 128 + signal.Signals["SIG" + number], result)

    @also_native
    def test_real_time_signal_kills_too(self):
        result = self.shell("kill -34 $$; sleep 20")
        self.assertEqual(result.status, 128 + 34, result)

    @also_native
    def test_fault_is_a_signal(self):
        code = "import resource, ctypes; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        result = self.python(code + "ctypes.string_at(0)")
        self.assertEqual(result.status, 128 + signal.SIGSEGV, result)

    @also_native
    def test_status_does_not_wait_for_processes_in_the_background(self):
        result = self.shell("sleep 60 >/dev/null 2>&1 & exit 4")
        self.assertEqual(result.status, 4, result)
        self.assertLess(result.seconds, 30)

    def test_background_processes_end_with_the_command(self):
        script = f"(sleep 1; echo late > {self.work}/shared/late) >/dev/null 2>&1 & exit 0"
        (self.work / "shared").mkdir()
        result = self.shell(script, flags=["--bind", self.work / "shared"])
        self.assertEqual(result.status, 0, result)
        self.shell("sleep 2")
        self.assertFalse((self.work / "shared" / "late").exists())

    def test_command_that_does_not_exist_is_127(self):
        for command in ("no-such-command-anywhere", "./missing", "/nonexistent/program"):
            with self.subTest(command=command):
                result = self.guest(command)
                self.assertEqual(result.status, NOT_FOUND, result)
                self.assertEqual(result.out, "")
                self.assert_one_line(result.err, command)

    def test_command_that_cannot_be_executed_is_126(self):
        plain = self.work / "plain"
        plain.write_text("#!/bin/sh\n", encoding="utf-8")
        plain.chmod(0o644)
        (self.work / "directory").mkdir()
        for command in ("./plain", "./directory", "/"):
            with self.subTest(command=command):
                result = self.guest(command)
                self.assertEqual(result.status, NOT_EXECUTABLE, result)
                self.assertEqual(result.out, "")
                self.assert_one_line(result.err, command)

    def test_ukruns_own_failure_is_125(self):
        self.assert_own_failure(self.ukrun("--no-such-flag", "true"), "--no-such-flag")

    def test_platform_that_does_not_exist_is_125(self):
        result = self.ukrun("--platform=abacus", "true")
        self.assert_own_failure(result, "abacus")


if __name__ == "__main__":
    unittest.main()
