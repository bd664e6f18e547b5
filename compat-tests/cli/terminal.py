"""A terminal for tests: starts a command on a pseudo-terminal and holds a conversation."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from support import status_of

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A command whose controlling terminal is ours."""

    def __init__(self, command, cwd, env, rows=24, columns=80):
        self.said = b""
        self._read = 0  # How much of `said` earlier expectations have used up.
        self._status = None
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(command[0], command, env)
            finally:
                os._exit(99)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, wanted, seconds=30):
        """Waits until the terminal has said this (after what was expected before)."""
        wanted = wanted.encode()
        deadline = time.monotonic() + seconds
        while (found := self.said.find(wanted, self._read)) < 0:
            if not self._receive(deadline - time.monotonic()):
                raise AssertionError(f"waited for {wanted!r}, the terminal said {self.said!r}")
        between = self.said[self._read : found]
        self._read = found + len(wanted)
        return between.decode(errors="replace")

    def _receive(self, seconds):
        if seconds <= 0 or not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: nobody has the other side open any more.
            return False
        self.said += data
        self.said = ESCAPES.sub(b"", self.said)
        return bool(data)

    def rest(self, seconds=1.0):
        """What the terminal still says within a time."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline - time.monotonic()):
            pass
        text = self.said[self._read :]
        self._read = len(self.said)
        return text.decode(errors="replace")

    def attributes(self):
        """The terminal's modes, as the next user of it will find them."""
        return termios.tcgetattr(self.master)

    def wait(self, seconds=30):
        """The exit status, as a shell counts."""
        deadline = time.monotonic() + seconds
        while self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == self.pid:
                self._status = status_of(os.waitstatus_to_exitcode(status))
            elif time.monotonic() > deadline:
                raise AssertionError(f"still running; the terminal said {self.said!r}")
            else:
                self._receive(0.02)
                time.sleep(0.01)
        return self._status

    def hang_up(self):
        """The terminal goes away, as when its window is closed."""
        os.close(self.master)
        self.master = os.open("/dev/null", os.O_RDONLY)

    def close(self):
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.master)
