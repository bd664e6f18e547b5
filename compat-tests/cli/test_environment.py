"""The environment, the working directory, and how the command is found."""

import json
import unittest

from support import PYTHON, UkrunTest

SHOW = "import os, json; print(json.dumps(dict(os.environ)))"


class EnvironmentTest(UkrunTest):
    def inside(self, flags=(), **caller):
        """The environment of a guest, when the caller's own holds these too."""
        result = self.python(SHOW, flags=flags, env=self.environment(**caller))
        self.assert_ok(result)
        seen = json.loads(result.out)
        seen.pop("LC_CTYPE", None)  # Python sets it for itself where the locale is C.
        return seen

    def test_listed_variables_are_passed_on_and_no_others(self):
        others = {"AWS_SECRET_ACCESS_KEY": "x", "API_TOKEN": "x", "SSH_AUTH_SOCK": "/x"}
        seen = self.inside(**others)
        self.assertEqual(seen, self.environment())

    def test_locale_categories_are_passed_on(self):
        seen = self.inside(LC_ALL="C.UTF-8", LC_TIME="C", LC_MESSAGES="C", LCX="no")
        self.assertEqual(seen["LC_ALL"], "C.UTF-8")
        self.assertEqual(seen["LC_TIME"], "C")
        self.assertEqual(seen["LC_MESSAGES"], "C")
        self.assertNotIn("LCX", seen)

    def test_variable_that_the_caller_lacks_is_not_invented(self):
        environment = self.environment()
        for name in ("TZ", "LANG", "USER", "SHELL"):
            del environment[name]
        result = self.python(SHOW, env=environment)
        self.assert_ok(result)
        for name in ("TZ", "LANG", "USER"):
            self.assertNotIn(name, json.loads(result.out))

    def test_env_with_a_name_passes_the_callers_value_on(self):
        seen = self.inside(flags=["--env", "API_TOKEN", "--env=OTHER"], API_TOKEN="t", OTHER="o")
        self.assertEqual((seen["API_TOKEN"], seen["OTHER"]), ("t", "o"))

    def test_env_with_a_value_sets_it(self):
        seen = self.inside(
            flags=["--env", "A=1", "--env=B=x=y", "--env", "C=", "--env", "D=two\nlines é"]
        )
        self.assertEqual(seen["A"], "1")
        self.assertEqual(seen["B"], "x=y")
        self.assertEqual(seen["C"], "")
        self.assertEqual(seen["D"], "two\nlines é")

    def test_env_overrides_what_is_passed_on_anyway(self):
        seen = self.inside(flags=["--env", "LANG=C", "--env", "HOME=/elsewhere"])
        self.assertEqual((seen["LANG"], seen["HOME"]), ("C", "/elsewhere"))

    def test_last_of_two_values_counts(self):
        self.assertEqual(self.inside(flags=["--env", "A=1", "--env", "A=2"])["A"], "2")

    def test_env_without_a_name_is_refused(self):
        for text in ("", "=value"):
            with self.subTest(text=text):
                self.assert_own_failure(self.ukrun("--env", text, "true"), "--env")


class WorkingDirectoryTest(UkrunTest):
    def test_guest_starts_where_the_caller_is(self):
        self.assert_ok(self.shell("pwd; echo $PWD"), f"{self.work}\n{self.work}\n")

    def test_directory_with_an_unusual_name(self):
        directory = self.work / "with space, é and 'quotes'"
        directory.mkdir()
        (directory / "file").write_text("here", encoding="utf-8")
        environment = self.environment(PWD=str(directory))
        result = self.shell("cat file; pwd", cwd=directory, env=environment)
        self.assert_ok(result, f"here{directory}\n")

    def test_pwd_that_lies_is_put_right(self):
        result = self.guest("/usr/bin/env", env=self.environment(PWD="/usr"))
        self.assert_ok(result)
        self.assertIn(f"PWD={self.work}\n", result.out)

    def test_files_of_the_directory_are_seen(self):
        (self.work / "given").write_text("by the caller", encoding="utf-8")
        self.assert_ok(self.shell("cat given; ls"), "by the callergiven\n")

    def test_directory_that_is_gone(self):
        directory = self.work / "gone"
        directory.mkdir()
        script = f"cd {directory} && rmdir {directory} && exec \"$@\""
        result = self.execute(["/bin/sh", "-c", script, "sh", *self.command("true")])
        self.assert_own_failure(result, "director")


class FindingTheCommandTest(UkrunTest):
    def test_path_is_searched_inside(self):
        tools = self.work / "tools"
        tools.mkdir()
        tool = tools / "my-tool"
        tool.write_text("#!/bin/sh\necho found \"$@\"\n", encoding="utf-8")
        tool.chmod(0o755)
        environment = self.environment(PATH=f"{tools}:/usr/bin:/bin")
        self.assert_ok(self.guest("my-tool", "a b", env=environment), "found a b\n")

    def test_path_that_env_sets_is_the_one_that_counts(self):
        tool = self.work / "my-tool"
        tool.write_text("#!/bin/sh\necho found\n", encoding="utf-8")
        tool.chmod(0o755)
        result = self.guest("my-tool", flags=["--env", f"PATH=/nowhere:{self.work}:/bin"])
        self.assert_ok(result, "found\n")

    def test_flags_of_the_command_are_left_alone(self):
        show = ("sh", "-c", 'echo "$@"', "sh")
        self.assert_ok(self.ukrun("--quiet", *show, "--version", "-x"), "--version -x\n")
        self.assert_ok(self.ukrun("--quiet", "--", *show, "--help"), "--help\n")
        self.assert_ok(self.ukrun("--quiet", *show, "--", "--quiet"), "-- --quiet\n")

    def test_arguments_arrive_as_they_are(self):
        words = ["", " ", "two words", "é", "*", "$HOME", "'", "a\nb", "x" * 100000]
        code = "import sys, json; print(json.dumps(sys.argv[1:]))"
        result = self.guest(PYTHON, "-c", code, *words)
        self.assert_ok(result)
        self.assertEqual(json.loads(result.out), words)

    def test_as_many_and_as_long_as_linux_takes_them(self):
        longest = "y" * (128 * 1024 - 1)
        result = self.guest(PYTHON, "-c", "import sys; print(len(sys.argv[1]))", longest)
        self.assert_ok(result, f"{len(longest)}\n")
        result = self.guest(PYTHON, "-c", "import sys; print(len(sys.argv))", *["z"] * 70000)
        self.assert_ok(result, "70001\n")
        value = "v" * 100000
        environment = self.environment(LONG=value)
        result = self.shell('echo "${#LONG}"', flags=["--env=LONG"], env=environment)
        self.assert_ok(result, f"{len(value)}\n")


if __name__ == "__main__":
    unittest.main()
