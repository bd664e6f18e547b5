"""--help, --version, doctor, --strace, --debug; and flags that are wrong."""

import re
import unittest

from support import NATIVE, PLATFORM, UKRUN, UkrunTest

FLAGS = (
    "--upper-size", "--quiet", "--keep", "--rootfs", "--bind", "--ro-bind", "--tmpfs",
    "--hide", "--unhide", "--env", "--user", "--hostname", "--platform", "--strace", "--debug",
    "--timeout", "--memory", "--pids", "--cpus", "--version", "--help",
)
FLAGS_WITH_VALUES = (
    "--upper-size", "--keep", "--rootfs", "--bind", "--ro-bind", "--tmpfs", "--hide", "--unhide",
    "--env", "--user", "--hostname", "--platform", "--timeout", "--memory", "--pids", "--cpus",
)


class InformationTest(UkrunTest):
    def alone(self, *arguments):
        """ukrun without the flags that tests add."""
        return self.execute([UKRUN, *arguments])

    def test_help_names_every_flag_and_fits_a_terminal(self):
        result = self.alone("--help")
        self.assert_ok(result)
        for flag in FLAGS:
            self.assertRegex(result.out, rf"(?m)(^|[\s,]){flag}\b", f"{flag} isn't explained")
        for word in ("COMMAND", "doctor"):
            self.assertIn(word, result.out)
        self.assertLessEqual(max(map(len, result.out.splitlines())), 100)

    def test_help_is_grouped(self):
        headings = re.findall(r"(?m)^\S.*:$", self.alone("--help").out)
        self.assertGreaterEqual(len(headings), 3, headings)

    def test_help_comes_before_anything_is_checked(self):
        self.assert_ok(self.alone("--rootfs", "/nonexistent", "--help"))

    def test_version(self):
        result = self.alone("--version")
        self.assert_ok(result)
        self.assertRegex(result.out, r"^ukrun \d+\.\d+")
        self.assertEqual(len(result.out.splitlines()), 1)

    def test_doctor_names_what_there_is_and_what_enforces(self):
        result = self.alone("doctor")
        self.assertEqual(result.status, 0, result)
        for word in ("ptrace", "seccomp", "landlock", "namespace", "memory", "cpus", "pids"):
            self.assertIn(word, result.out.lower())
        self.assertRegex(result.out, "(?i)cgroup|sentry")

    def test_full_output_is_no_crash(self):
        for argument in ("--help", "--version", "doctor"):
            with self.subTest(argument=argument), open("/dev/full", "wb") as full:
                process = self.start([UKRUN, argument], stdout=full, stderr=-1)
                process.communicate(timeout=60)
                self.assertGreaterEqual(process.returncode, 0)


class WrongFlagsTest(UkrunTest):
    def test_unknown_flags_are_named(self):
        for flag in ("--no-such-flag", "--no-such-flag=x", "-Z", "--bnid=/x", "--timeot=1s"):
            with self.subTest(flag=flag):
                result = self.ukrun(flag, "--", "true")
                self.assert_own_failure(result, flag.partition("=")[0])

    def test_missing_values_are_named(self):
        for flag in FLAGS_WITH_VALUES:
            with self.subTest(flag=flag):
                self.assert_own_failure(self.ukrun(flag), flag)

    def test_values_where_none_belongs(self):
        for flag in ("--quiet=x", "--debug=x"):
            with self.subTest(flag=flag):
                self.assert_own_failure(self.ukrun(flag, "--", "true"), flag.partition("=")[0])

    def test_no_command(self):
        for arguments in ((), ("--",), ("--quiet",), ("--quiet", "--")):
            with self.subTest(arguments=arguments):
                self.assert_own_failure(self.ukrun(*arguments), "command", "--help")

    def test_empty_command(self):
        self.assertIn(self.ukrun("--", "").status, (125, 126, 127))

    def test_platform_that_this_machine_lacks_is_explained(self):
        result = self.execute([UKRUN, "--platform=abacus", "--", "true"])
        self.assert_own_failure(result, "abacus", "ptrace")

    def test_control_characters_are_not_passed_to_the_terminal(self):
        result = self.ukrun("--bind", "/nonexistent\x1b[2J\nx", "--", "true")
        self.assertEqual(result.status, 125)
        self.assertNotIn("\x1b", result.err)
        self.assert_one_line(result.err)


class StraceTest(UkrunTest):
    def test_calls_are_readable(self):
        result = self.shell("cat /nonexistent 2>/dev/null; echo hello; exit 3", flags=["--strace"])
        self.assertEqual((result.status, result.out), (3, "hello\n"))
        for pattern in (
            r"execve\(\"/bin/sh\", \[\"/bin/sh\", \"-c\"",
            r"openat\(AT_FDCWD, \"/nonexistent\", O_RDONLY.*\) = -1 ENOENT",
            r"write\(1, \"hello\\n\", 6\) = 6",
            r"mmap\(.*PROT_READ.*MAP_PRIVATE",
            r"exit_group\(3\)",
        ):
            self.assertRegex(result.err, pattern)

    def test_results_have_their_usual_form(self):
        code = "import os; os.getpid(); os.pipe(); os.getuid(); os.close(os.dup(1))"
        text = self.python(code, flags=["--strace"]).err
        self.assertRegex(text, r"getpid\(\) = \d+")
        self.assertRegex(text, r"pipe2\(\[\d+, \d+\], O_CLOEXEC\) = 0")
        self.assertRegex(text, r"close\(\d+\) = 0")

    def test_origin_of_an_errno(self):
        text = self.shell("cat /nonexistent", flags=["--strace"]).err
        if ".cc:" not in text:
            self.skipTest("a release build doesn't remember where an errno was made")
        self.assertRegex(text, r"ENOENT.*\w+\.cc:\d+")

    def test_signals_and_deaths_are_shown(self):
        script = "trap : USR1; kill -USR1 $$; kill -TERM $$; sleep 9"
        text = self.shell(script, flags=["--strace"]).err
        self.assertIn("SIGUSR1", text)
        self.assertIn("SIGTERM", text)

    def test_output_goes_to_a_file(self):
        file = self.work / "trace"
        result = self.shell("echo hello", flags=[f"--strace={file}"])
        self.assert_ok(result, "hello\n")
        self.assertIn("write(1, \"hello\\n\", 6)", file.read_text(encoding="utf-8"))

    def test_file_that_cannot_be_written(self):
        result = self.ukrun("--strace=/nonexistent/x", "--", "true")
        self.assert_own_failure(result, "/nonexistent/x")

    def test_guest_bytes_cannot_forge_lines(self):
        result = self.shell("printf 'a\\nexit_group(0)\\033[31m'", flags=["--strace"])
        self.assertNotIn("\x1b", result.err)
        self.assertNotRegex(result.err, r"(?m)^exit_group\(0\)$")

    def test_threads_and_processes_can_be_told_apart(self):
        text = self.shell("(exit 1); (exit 2); true", flags=["--strace"]).err
        exits = re.findall(r"(?m)^.*exit_group\((\d)\)", text)
        self.assertLessEqual({"1", "2"}, set(exits))
        prefixes = {line.partition("exit_group")[0] for line in text.splitlines()
                    if "exit_group" in line}
        self.assertGreater(len(prefixes), 1, "no line says whose call it is")

    def test_debug_says_something_and_changes_nothing(self):
        result = self.shell("echo hello; exit 4", flags=["--debug"])
        self.assertEqual((result.status, result.out), (4, "hello\n"), result)
        self.assertNotEqual(result.err, "")


class PlatformTest(UkrunTest):
    def test_platform_that_was_asked_for_is_used(self):
        if PLATFORM == "auto":
            self.skipTest("no platform was named")
        result = self.shell("exit 0", flags=["--debug"])
        self.assertIn(PLATFORM, result.err)

    @unittest.skipIf(NATIVE, "needs ukrun")
    def test_auto_finds_one(self):
        self.assert_ok(self.execute([UKRUN, "--platform=auto", "--", "echo", "x"]), "x\n")
        self.assert_ok(self.execute([UKRUN, "echo", "x"]), "x\n")


if __name__ == "__main__":
    unittest.main()
