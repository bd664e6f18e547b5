"""Terminals: modes, window size, keys that send signals, job control, hanging up.

Everything here holds natively too. ukrun is started on a pseudo-terminal, as a user starts it.
"""

import shlex
import unittest
from pathlib import Path

from support import NATIVE, UkrunTest, also_native, kill_quietly, wait_until
from terminal import Terminal

BASH = ("/bin/bash", "--norc", "--noprofile", "-i")
# Two halves, so that the echo of typing it isn't taken for the prompt itself.
SET_PROMPT = "PS1='read''y> '; bind 'set enable-bracketed-paste off' 2>/dev/null\n"
PROMPT = "ready> "


@also_native
class TerminalTest(UkrunTest):
    def open(self, *command, **named):
        """Starts a command inside, on a terminal."""
        return self.open_natively(*self.command(*command, flags=["--quiet"]), **named)

    def open_natively(self, *command, **named):
        terminal = Terminal(list(command), self.work, self.environment(), **named)
        self.addCleanup(terminal.close)
        return terminal

    def open_bash(self):
        terminal = self.open(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        return terminal

    def run_line(self, terminal, line):
        """Types a line at a prompt; returns what was said before the next."""
        terminal.type(line + "\n")
        terminal.expect("\n")  # The echo.
        return terminal.expect(PROMPT)


@also_native
class ModesTest(TerminalTest):
    def test_command_is_on_a_terminal(self):
        terminal = self.open(
            "/bin/sh", "-c", "test -t 0 && test -t 1 && test -t 2 && tty && : </dev/tty && echo yes"
        )
        self.assertRegex(terminal.expect("yes"), r"/dev/(pts/\d+|tty|console)")
        self.assertEqual(terminal.wait(), 0)

    def test_lines_are_echoed_and_edited(self):
        terminal = self.open("/bin/sh", "-c", "echo go; read -r line; echo \"[$line]\"")
        terminal.expect("go")
        terminal.type("mistake\x15wrong\x7f\x7f\x7f\x7f\x7fright\n")
        terminal.expect("[right]")
        self.assertEqual(terminal.wait(), 0)

    def test_end_of_file_key(self):
        terminal = self.open("/bin/sh", "-c", "echo go; cat; echo ended")
        terminal.expect("go")
        terminal.type("a line\n\x04")
        terminal.expect("a line\r\na line\r\nended")
        self.assertEqual(terminal.wait(), 0)

    def test_echo_can_be_switched_off(self):
        terminal = self.open("/bin/sh", "-c", "stty -echo; echo go; read -r p; stty echo; echo $p.")
        terminal.expect("go\r\n")
        terminal.type("password\n")
        self.assertEqual(terminal.expect("password."), "")

    def test_raw_mode_passes_every_byte(self):
        code = (
            "import os, sys, tty\n"
            "tty.setraw(0)\n"
            "os.write(1, b'go')\n"
            "data = b''\n"
            "while len(data) < 7: data += os.read(0, 100)\n"
            "os.write(1, data.hex().encode() + b'!')\n"
        )
        terminal = self.open("/usr/bin/python3", "-c", code)
        terminal.expect("go")
        terminal.type("\x03\x1a\x04\x1c\r\x11a")
        terminal.expect("031a041c0d1161!")
        self.assertEqual(terminal.wait(), 0)

    def test_modes_are_put_back_at_the_end(self):
        """A guest that leaves the terminal raw, or is killed, doesn't leave the caller's so."""
        if NATIVE:
            self.skipTest("natively the modes stay")
        for script in ("stty raw -echo", "stty raw -echo; kill -9 $$"):
            with self.subTest(script=script):
                terminal = self.open("/bin/sh", "-c", "echo first; read -r x; " + script)
                before = terminal.attributes()
                terminal.expect("first")
                terminal.type("\n")
                terminal.wait()
                self.assertEqual(terminal.attributes(), before)

    def test_full_screen_program(self):
        (self.work / "text").write_text("".join(f"line {n}\n" for n in range(200)), "utf-8")
        terminal = self.open("/bin/sh", "-c", "TERM=vt100 less text; echo left $?")
        terminal.expect("line 10")
        terminal.type("G")
        terminal.expect("line 199")
        terminal.type("q")
        terminal.expect("left 0")

    def test_output_through_a_pipe_keeps_the_keyboard(self):
        terminal = self.open("/bin/sh", "-c", "echo go; read -r line; echo got $line | cat")
        terminal.expect("go")
        terminal.type("typed\n")
        terminal.expect("got typed")


@also_native
class WindowSizeTest(TerminalTest):
    def test_size_at_the_start(self):
        terminal = self.open("/bin/sh", "-c", "sleep 0.2; stty size", rows=37, columns=123)
        terminal.expect("37 123")

    def test_change_is_seen_and_signalled(self):
        code = (
            "import os, signal\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
            "while True:\n"
            "    print(*reversed(os.get_terminal_size()), flush=True)\n"
            "    signal.sigwait([signal.SIGWINCH])\n"
        )
        terminal = self.open("/usr/bin/python3", "-c", code)
        terminal.expect("24 80")
        for rows, columns in ((40, 100), (10, 33), (50, 200)):
            terminal.resize(rows, columns)
            terminal.expect(f"{rows} {columns}")


@also_native
class KeysTest(TerminalTest):
    def test_interrupt_key_kills_the_command(self):
        terminal = self.open("/bin/sh", "-c", "echo go; exec sleep 60")
        terminal.expect("go")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)

    def test_quit_key_kills_the_command(self):
        terminal = self.open("/bin/sh", "-c", "ulimit -c 0; echo go; exec sleep 60")
        terminal.expect("go")
        terminal.type("\x1c")
        self.assertEqual(terminal.wait(), 131)

    def test_interrupt_key_can_be_caught(self):
        script = "trap 'echo caught; exit 5' INT; echo go; sleep 60"
        terminal = self.open("/bin/bash", "-c", script)
        terminal.expect("go")
        # bash 5.2 overlooks, for good, a signal that comes just before it waits: it sends that
        # to itself again and again from a handler which is still being installed.
        terminal.rest(0.5)
        terminal.type("\x03")
        terminal.expect("caught")
        self.assertEqual(terminal.wait(), 5)

    def test_interrupt_key_can_be_caught_at_any_moment(self):
        """While the catcher forks, while its child executes a program, ends, is waited for."""
        code = (
            "import os, signal, subprocess\n"
            "caught = 0\n"
            "def catch(*_):\n"
            "    global caught\n"
            "    caught += 1\n"
            "    os.write(1, b'caught %d.' % caught)\n"
            "signal.signal(signal.SIGINT, catch)\n"
            "os.write(1, b'go')\n"
            "while caught < 40: subprocess.run(['/bin/true'])\n"
        )
        terminal = self.open("/usr/bin/python3", "-c", code)
        terminal.expect("go")
        for number in range(1, 41):
            terminal.rest(number % 10 / 1000)
            terminal.type("\x03")
            terminal.expect(f"caught {number}.")
        self.assertEqual(terminal.wait(), 0)

    def test_interrupt_key_reaches_the_foreground_job_only(self):
        terminal = self.open_bash()
        terminal.type("sleep 60\n")
        terminal.expect("sleep 60\r\n")
        terminal.rest(0.5)
        terminal.type("\x03")
        terminal.expect(PROMPT)
        self.assertIn("status 130", self.run_line(terminal, "echo status $?"))
        terminal.type("exit 3\n")
        self.assertEqual(terminal.wait(), 3)

    def test_interrupt_key_discards_a_half_typed_line(self):
        terminal = self.open_bash()
        terminal.type("echo never")
        terminal.expect("echo never")
        terminal.rest(0.3)  # readline overlooks a signal that comes before it reads again.
        terminal.type("\x03")
        terminal.expect(PROMPT)
        self.assertIn("130", self.run_line(terminal, "echo $?"))


@also_native
class JobControlTest(TerminalTest):
    def test_stop_list_background_foreground(self):
        terminal = self.open_bash()
        terminal.type("sleep 61\n")
        terminal.expect("sleep 61\r\n")
        terminal.rest(0.5)
        terminal.type("\x1a")
        self.assertIn("Stopped", terminal.expect(PROMPT))
        self.assertRegex(self.run_line(terminal, "jobs"), r"\[1\].*Stopped.*sleep 61")
        self.run_line(terminal, "bg")
        self.assertRegex(self.run_line(terminal, "jobs"), r"\[1\].*Running.*sleep 61")
        terminal.type("fg\n")
        terminal.expect("sleep 61\r\n")
        terminal.rest(0.5)
        terminal.type("\x03")
        terminal.expect(PROMPT)
        self.assertIn("130", self.run_line(terminal, "echo $?"))
        self.assertNotIn("sleep", self.run_line(terminal, "jobs"))

    def test_background_reader_is_stopped(self):
        terminal = self.open_bash()
        self.run_line(terminal, "cat &")
        terminal.rest(0.5)
        self.assertIn("Stopped", self.run_line(terminal, "sleep 0.2; jobs"))
        terminal.type("fg\n")
        terminal.expect("cat\r\n")
        terminal.rest(0.3)
        terminal.type("to cat\n\x04")
        terminal.expect("to cat\r\nto cat\r\n")
        terminal.expect(PROMPT)

    def test_pipelines_stop_as_one_job(self):
        terminal = self.open_bash()
        terminal.type("sleep 62 | cat\n")
        terminal.expect("| cat\r\n")
        terminal.rest(0.5)
        terminal.type("\x1a")
        self.assertIn("Stopped", terminal.expect(PROMPT))
        self.run_line(terminal, "kill -9 %1; wait 2>/dev/null")
        self.assertNotIn("Stopped", self.run_line(terminal, "sleep 0.2; jobs"))

    def test_background_output_with_tostop(self):
        terminal = self.open_bash()
        self.run_line(terminal, "stty tostop")
        self.run_line(terminal, "(echo from behind) &")
        terminal.rest(0.5)
        self.assertIn("Stopped", self.run_line(terminal, "sleep 0.2; jobs"))
        self.run_line(terminal, "stty -tostop")
        terminal.type("fg\n")
        terminal.expect("from behind")

    def test_stop_key_stops_the_whole_of_ukrun_for_the_callers_shell(self):
        """The caller's own shell sees one stopped job, and fg brings it back."""
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        script = "echo started; read -r line; echo got $line"
        line = shlex.join(self.command("/bin/sh", "-c", script, flags=["--quiet"]))
        terminal.type(line + "\n")
        terminal.expect("started\r\n")
        terminal.rest(0.3)
        terminal.type("\x1a")
        self.assertIn("Stopped", terminal.expect(PROMPT))
        self.assertIn("Stopped", self.run_line(terminal, "jobs"))
        terminal.type("fg\n")
        terminal.rest(0.5)
        terminal.type("hello\n")
        terminal.expect("got hello")
        terminal.expect(PROMPT)
        self.assertIn("status 0", self.run_line(terminal, "echo status $?"))

    def test_stop_key_stops_what_shares_a_pipeline_with_ukrun(self):
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        line = shlex.join(self.command("/bin/sh", "-c", "echo started; cat", flags=["--quiet"]))
        terminal.type(line + " | cat\n")
        terminal.expect("started\r\n")
        terminal.rest(0.3)
        terminal.type("\x1a")
        self.assertIn("Stopped", terminal.expect(PROMPT))
        terminal.type("fg\n")
        terminal.rest(0.5)
        terminal.type("on it goes\n\x04")
        terminal.expect("on it goes")
        terminal.expect("on it goes")
        terminal.expect(PROMPT)

    def test_what_was_said_before_a_stop_is_seen_before_it(self):
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        script = "echo be''fore; kill -STOP $$; echo af''ter"
        line = shlex.join(self.command("/bin/sh", "-c", script, flags=["--quiet"]))
        terminal.type(line + "\n")
        terminal.expect("before\r\n")
        self.assertIn("Stopped", terminal.expect(PROMPT))
        terminal.type("fg\n")
        terminal.expect("after\r\n")
        terminal.expect(PROMPT)

    def test_in_the_background_of_the_callers_shell(self):
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        script = "sleep 0.5; echo done >&2"
        line = shlex.join(self.command("/bin/sh", "-c", script, flags=["--quiet"]))
        self.run_line(terminal, line + " &")
        self.assertIn("here", self.run_line(terminal, "echo here"))
        terminal.expect("done")
        self.run_line(terminal, "wait")


@also_native
class HangUpTest(TerminalTest):
    def test_terminal_that_goes_away_ends_the_command(self):
        terminal = self.open("/bin/sh", "-c", "echo go; exec sleep 60")
        terminal.expect("go")
        terminal.hang_up()
        self.assertEqual(terminal.wait(), 129)

    def test_guest_cannot_type_for_the_caller(self):
        """TIOCSTI would put a command line into the caller's shell."""
        code = (
            "import fcntl, termios\n"
            "try: [fcntl.ioctl(0, termios.TIOCSTI, bytes([c])) for c in b'x\\n']; print('typed')\n"
            "except OSError: print('refused')\n"
        )
        if NATIVE:
            self.skipTest("natively it depends on the kernel")
        terminal = self.open("/usr/bin/python3", "-c", code)
        terminal.expect("refused")

    def test_caller_keeps_the_terminal(self):
        """After ukrun, whatever its guest did to process groups, the caller's shell reads on."""
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        for script in ("exit 0", "set -m; sleep 0.1", "kill -9 $$"):
            line = shlex.join(self.command("/bin/bash", "-c", script, flags=["--quiet"]))
            self.run_line(terminal, line)
            self.assertIn("still here", self.run_line(terminal, "echo still here"))

    def test_killed_ukrun_leaves_the_terminal_usable(self):
        if NATIVE:
            self.skipTest("natively the modes stay")
        terminal = self.open_natively(*BASH)
        terminal.type(SET_PROMPT)
        terminal.expect(PROMPT)
        pid_file = Path(self.work, "pid")
        words = shlex.join(self.command("/bin/cat", flags=["--quiet"]))
        terminal.type(f"sh -c 'echo $$ >{pid_file}; exec \"$@\"' sh {words}\n")
        self.assertTrue(wait_until(lambda: pid_file.exists() and pid_file.read_text("utf-8")))
        terminal.rest(0.5)
        kill_quietly(int(pid_file.read_text("utf-8")))
        terminal.expect(PROMPT)
        terminal.type("stty sane\n")
        terminal.expect(PROMPT)
        self.assertIn("still here", self.run_line(terminal, "echo still here"))


if __name__ == "__main__":
    unittest.main()
