"""Signals that ukrun gets are passed on, and their effects come back."""

import os
import signal
import subprocess
import time
import unittest

from support import UkrunTest, also_native, status_of, wait_until


@also_native
class SignalsTest(UkrunTest):
    def start_shell(self, script, **named):
        """Starts a shell that says "ready" when its traps are set."""
        command = self.command("/bin/bash", "-c", script, flags=["--quiet"])
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **named)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def finish(self, process, seconds=25):
        out, err = process.communicate(timeout=seconds)
        return status_of(process.returncode), out.decode(), err.decode()

    # Not `for i in $(seq 300)`: bash 5.2 reports a syntax error when a trap runs just while it
    # takes in a command substitution.
    WAIT = "echo ready; for ((i = 0; i < 300; i++)); do sleep 0.05; done"

    def test_signals_reach_the_command(self):
        for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH", "ALRM"):
            with self.subTest(signal=name):
                process = self.start_shell(f"trap 'echo got {name}; exit 9' {name}; {self.WAIT}")
                process.send_signal(signal.Signals["SIG" + name])
                self.assertEqual(self.finish(process), (9, f"got {name}\n", ""))

    def test_signals_kill_what_has_no_handler(self):
        for name in ("HUP", "INT", "TERM", "USR1"):
            with self.subTest(signal=name):
                process = self.start_shell("echo ready; exec sleep 60")
                time.sleep(0.2)  # So that it is sleep that gets the signal, mostly.
                process.send_signal(signal.Signals["SIG" + name])
                process.wait(20)
                self.assertEqual(status_of(process.returncode), 128 + signal.Signals["SIG" + name])

    def test_signal_that_is_ignored_inside_ends_nothing(self):
        process = self.start_shell("trap '' TERM; echo ready; sleep 1; echo still here; exit 5")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process), (5, "still here\n", ""))

    def test_many_signals(self):
        script = "n=0; trap 'n=$((n + 1))' USR1; trap 'echo done; exit 0' TERM; " + self.WAIT
        process = self.start_shell(script)
        for _ in range(300):
            process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process), (0, "done\n", ""))

    def test_stop_and_continue(self):
        process = self.start_shell("echo ready; while :; do echo tick; sleep 0.05; done")
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        self.assertTrue(wait_until(lambda: self.state(process) in "Tt"))
        process.send_signal(signal.SIGCONT)
        self.assertTrue(wait_until(lambda: self.state(process) not in "Tt"))
        for _ in range(20):
            self.assertEqual(process.stdout.readline(), b"tick\n")
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        process.wait(20)

    @staticmethod
    def state(process):
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]

    def test_signals_ignored_by_the_caller_stay_ignored(self):
        script = "kill -HUP $$; echo survived"
        process = self.start(
            self.command("/bin/sh", "-c", script, flags=["--quiet"]),
            stdout=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        )
        out, _ = process.communicate(timeout=60)
        self.assertEqual(out, b"survived\n")

    def test_interrupt_of_the_whole_group(self):
        """As a terminal does it: ukrun and whatever it started get the signal at once."""
        script = f"trap 'echo cleaning up; exit 3' INT; {self.WAIT}"
        process = self.start_shell(script, start_new_session=True)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(self.finish(process), (3, "cleaning up\n", ""))

    def test_signal_right_after_the_start(self):
        for delay in (0.0, 0.005, 0.01, 0.02, 0.05):
            with self.subTest(delay=delay):
                process = self.start(self.command("sleep", "60", flags=["--quiet"]))
                time.sleep(delay)
                process.send_signal(signal.SIGTERM)
                process.wait(20)
                self.assertEqual(status_of(process.returncode), 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
