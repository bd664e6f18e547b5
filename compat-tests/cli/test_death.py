"""SIGKILL to any of ukrun's processes: everything ends within a second, nothing is left."""

import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from support import (
    OWN_FAILURE,
    UkrunTest,
    adopt_orphans,
    descendants,
    describe,
    kill_quietly,
    reap_orphans,
    status_of,
    wait_until,
)

# A guest with several processes and threads, some busy, some asleep.
GUEST = """
import os, threading, time
for kind in range(3):
    if os.fork() == 0:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        while kind == 0: pass
        time.sleep(600)
        os._exit(0)
open("written", "w").write("x" * 100000)
print("ready", flush=True)
time.sleep(600)
"""


class DeathTest(UkrunTest):
    def setUp(self):
        super().setUp()
        adopt_orphans()
        self.scratch = self.root / "scratch"
        self.scratch.mkdir()
        self.before = set(descendants())
        self.shared_memory = self.list_shared_memory()

    @staticmethod
    def list_shared_memory():
        return {name for name in os.listdir("/dev/shm") if "ukrun" in name}

    def launch(self, *flags):
        """Starts the guest; returns ukrun and the pids of all that belongs to it."""
        environment = self.environment(TMPDIR=str(self.scratch), XDG_RUNTIME_DIR=str(self.scratch))
        command = self.command("/usr/bin/python3", "-c", GUEST, flags=["--quiet", *flags])
        process = self.start(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process, self.mine()

    def mine(self):
        return [pid for pid in descendants() if pid not in self.before]

    def assert_everything_ends(self, process, seconds=1.0):
        """Waits for the end of ukrun and of all it started; returns ukrun's status and message."""
        deadline = time.monotonic() + seconds

        def ended():
            process.poll()
            reap_orphans(process.pid)
            return not self.mine()

        if not wait_until(ended, seconds):
            left = [describe(pid) for pid in self.mine()]
            for pid in self.mine():
                kill_quietly(pid)
            self.fail(f"after {seconds} s still running: {left}")
        self.assertLess(time.monotonic(), deadline + 0.5)
        _, err = process.communicate(timeout=10)
        self.assertEqual(os.listdir(self.scratch), [], "files were left behind")
        self.assertEqual(self.list_shared_memory(), self.shared_memory)
        return status_of(process.returncode), err.decode()

    def test_ukrun_has_the_processes_of_the_design(self):
        process, pids = self.launch()
        self.assertGreaterEqual(len(pids), 3, list(map(describe, pids)))
        process.terminate()
        self.assert_everything_ends(process, 10)

    def test_each_process_in_turn(self):
        count = len(self.launch_and_end())
        for index in range(count):
            process, pids = self.launch()
            if index >= len(pids):
                process.kill()
                self.assert_everything_ends(process)
                continue
            victim = pids[index]
            with self.subTest(victim=describe(victim)):
                kill_quietly(victim)
                status, err = self.assert_everything_ends(process)
                if victim == process.pid:
                    self.assertEqual(status, 128 + signal.SIGKILL)
                else:
                    self.assertEqual(status, OWN_FAILURE)
                    self.assert_one_line(err, "killed")

    def test_killing_is_no_want_of_memory(self):
        """Where the host limits memory, it kills too; that is told from what others kill."""
        process, pids = self.launch("--memory=1G")
        kill_quietly(pids[-1])
        status, err = self.assert_everything_ends(process)
        self.assertEqual(status, OWN_FAILURE, err)
        self.assert_one_line(err, "killed from outside")

    def launch_and_end(self):
        process, pids = self.launch()
        process.kill()
        self.assert_everything_ends(process)
        return pids

    def test_all_of_them_at_random_moments(self):
        """Also while it starts: 20 runs, each killed a little later than the last.

        A process of the guest's that had just come to its own end can't be killed any more, so
        what is told apart is only whether one of a few victims was enough.
        """
        for step in range(20):
            with self.subTest(delay=f"{step * 5} ms"):
                process = self.start(
                    self.command("/bin/sh", "-c", "while :; do /bin/true; done", flags=["--quiet"]),
                    env=self.environment(TMPDIR=str(self.scratch)),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                time.sleep(step * 0.005)
                for _ in range(3):
                    pids = self.mine()
                    kill_quietly(pids[step % len(pids)] if pids else process.pid)
                    if wait_until(lambda: process.poll() is not None, 1.0):
                        break
                status, err = self.assert_everything_ends(process)
                self.assertIn(status, (OWN_FAILURE, 128 + signal.SIGKILL), err)

    def test_ordinary_end_leaves_nothing(self):
        for script in ("exit 0", "sleep 600 & exit 0", "kill -9 $$", "setsid sleep 600 & exit 3"):
            with self.subTest(script=script):
                process = self.start(
                    self.command("/bin/sh", "-c", script, flags=["--quiet"]),
                    env=self.environment(TMPDIR=str(self.scratch)),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                process.wait(60)
                self.assert_everything_ends(process)

    def test_time_out_leaves_nothing(self):
        process, _ = self.launch("--timeout=3s")
        self.assertTrue(wait_until(lambda: process.poll() is not None, 20))
        self.assert_everything_ends(process)

    def test_no_mounts_and_cgroups_are_left(self):
        def mounts():
            return Path("/proc/self/mounts").read_text(encoding="utf-8").count("\n")

        def cgroups():
            found = set()
            for parent, directories, _ in os.walk("/sys/fs/cgroup"):
                found |= {os.path.join(parent, name) for name in directories if "ukrun" in name}
            return found

        before = mounts(), cgroups()
        self.launch_and_end()
        wait_until(lambda: (mounts(), cgroups()) == before, 2)
        self.assertEqual((mounts(), cgroups()), before)

    def test_sandboxes_do_not_disturb_each_other(self):
        other, _ = self.launch()
        self.before |= set(self.mine())
        process, _ = self.launch()
        process.kill()
        self.assert_everything_ends(process)
        self.assertIsNone(other.poll())
        other.terminate()
        other.wait(20)


if __name__ == "__main__":
    unittest.main()
