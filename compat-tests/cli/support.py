"""What the tests of the command line share: running ukrun, scratch directories, processes.

Each test has a fresh directory below the caller's cache (not below /tmp, which is empty
inside): `self.work`, where ukrun is started, and `self.home`, which HOME names.

Tests marked `also_native` also hold without ukrun, and `run --native-only` runs just those:
the command is then started directly, because Linux itself is the specification.
"""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

UKRUN = os.environ.get("UKRUN_BINARY")
PLATFORM = os.environ.get("UKRUN_PLATFORM", "auto")
NATIVE = UKRUN is None

PYTHON = "/usr/bin/python3"
SEARCH_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
OWN_FAILURE = 125  # ukrun itself failed.
NOT_EXECUTABLE = 126
NOT_FOUND = 127

PR_SET_CHILD_SUBREAPER = 36


def also_native(test):
    """Marks a test, or every test of a class, as meaningful without ukrun."""
    test.also_native = True
    return test


def status_of(returncode):
    """Counts as a shell does: 128+N for a process that signal N ended."""
    return returncode if returncode >= 0 else 128 - returncode


def wait_until(condition, seconds=20.0):
    """Waits for a condition; returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@dataclass
class Result:
    """What one run of ukrun left."""

    status: int
    out: str
    err: str
    seconds: float

    def __str__(self):
        return f"status {self.status}\nstdout: {self.out[-2000:]}\nstderr: {self.err[-2000:]}"


def test_directory():
    if "UKRUN_TEST_DIR" in os.environ:
        return Path(os.environ["UKRUN_TEST_DIR"])
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "ukrun-tests"


class UkrunTest(unittest.TestCase):
    """A test that runs ukrun."""

    maxDiff = 4000

    def setUp(self):
        if NATIVE and not self.is_also_native():
            self.skipTest("says nothing without ukrun")
        self.root = self.make_directory(test_directory())
        self.work = self.root / "work"
        self.home = self.root / "home"
        self.work.mkdir()
        self.home.mkdir()

    def is_also_native(self):
        method = getattr(self, self._testMethodName)
        return getattr(method, "also_native", False) or getattr(self, "also_native", False)

    def make_directory(self, parent):
        """A fresh directory that is removed after the test."""
        Path(parent).mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix="ukrun-cli-", dir=parent))
        self.addCleanup(remove_tree, directory)
        return directory

    def environment(self, **more):
        return {
            "PATH": SEARCH_PATH,
            "HOME": str(self.home),
            "USER": "tester",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "TZ": "UTC",
            "PWD": str(self.work),
            **more,
        }

    def command(self, *arguments, flags=()):
        """The command line that runs `arguments` inside, or natively when there is no ukrun."""
        words = [str(word) for word in arguments]
        if NATIVE:
            return words
        return [UKRUN, f"--platform={PLATFORM}", *map(str, flags), "--", *words]

    def start(self, command, **named):
        """Starts a command line in the working directory; killed after the test if need be."""
        named.setdefault("cwd", self.work)
        named.setdefault("env", self.environment())
        named.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([str(word) for word in command], **named)
        self.addCleanup(end_process, process)
        return process

    def execute(self, command, stdin=None, timeout=90, **named):
        """Runs a command line to its end."""
        if stdin is not None:
            named["stdin"] = subprocess.PIPE
        started = time.monotonic()
        process = self.start(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **named
        )
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            out, err = process.communicate(data, timeout)
        except subprocess.TimeoutExpired as expired:
            process.kill()
            said = (expired.stdout or b"") + (expired.stderr or b"")
            self.fail(f"still running after {timeout} s: {shlex.join(map(str, command))}\n{said}")
        return Result(
            status=status_of(process.returncode),
            out=out.decode(errors="backslashreplace"),
            err=err.decode(errors="backslashreplace"),
            seconds=time.monotonic() - started,
        )

    def ukrun(self, *arguments, **named):
        """Runs ukrun with these arguments, flags included; the platform is added."""
        if NATIVE:
            self.skipTest("needs ukrun")
        return self.execute([UKRUN, f"--platform={PLATFORM}", *arguments], **named)

    def guest(self, *arguments, flags=(), **named):
        """Runs a command inside, without ukrun's own line at the end."""
        return self.execute(self.command(*arguments, flags=["--quiet", *flags]), **named)

    def shell(self, script, **named):
        return self.guest("/bin/sh", "-c", script, **named)

    def python(self, code, **named):
        return self.guest(PYTHON, "-c", code, **named)

    def assert_ok(self, result, out=None):
        """The run succeeded, said nothing on stderr, and wrote `out` where that is told."""
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.err, "", result)
        if out is not None:
            self.assertEqual(result.out, out, result)

    def assert_own_failure(self, result, *words):
        """ukrun itself failed, and said why in one line that holds each of the words."""
        self.assertEqual(result.status, OWN_FAILURE, result)
        self.assertEqual(result.out, "", result)
        self.assert_one_line(result.err, *words)

    def assert_one_line(self, text, *words):
        lines = text.splitlines()
        self.assertEqual(len(lines), 1, f"not one line: {text!r}")
        self.assertLess(len(lines[0]), 400, text)
        for word in words:
            self.assertIn(str(word).lower(), lines[0].lower())


def remove_tree(directory):
    for parent, _, _ in os.walk(directory):
        os.chmod(parent, 0o700)
    shutil.rmtree(directory, ignore_errors=True)


def end_process(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


# Processes of the host.


def adopt_orphans():
    """Makes every orphaned descendant this process's child, so that none escapes the count."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def process_table():
    """Maps each pid to its parent and its state."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path("/proc", name, "stat").read_text(encoding="latin-1")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        table[int(name)] = (int(parent), state)
    return table


def descendants(of=None):
    """The pids of all processes below one (this one unless told), the dead left out."""
    table = process_table()
    found = []
    level = {of or os.getpid()}
    while level:
        level = {pid for pid, (parent, _) in table.items() if parent in level}
        found += level
    return sorted(pid for pid in found if table[pid][1] not in "ZX")


def reap_orphans(spare):
    """Takes away dead children that were adopted, but not `spare`, which subprocess waits for."""
    for pid, (parent, state) in process_table().items():
        if parent == os.getpid() and state == "Z" and pid != spare:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def kill_quietly(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def describe(pid):
    """A process as a failure message shows it."""
    try:
        command = Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode()
        name = Path("/proc", str(pid), "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return f"{pid} (gone)"
    return f"{pid} {name} {command[:80]}"
