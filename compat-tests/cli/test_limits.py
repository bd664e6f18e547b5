"""--timeout, --memory, --pids and --cpus: what the guest sees, and what is enforced."""

import os
import unittest

from support import UkrunTest


class TimeoutTest(UkrunTest):
    def test_ends_the_command_with_a_message(self):
        result = self.ukrun("--timeout=1s", "--", "sleep", "60")
        self.assertNotEqual(result.status, 0)
        self.assertGreaterEqual(result.seconds, 0.9)
        self.assertLess(result.seconds, 20)
        self.assert_one_line(result.err, "1s")
        self.assertRegex(result.err, "time")

    def test_ends_what_ignores_signals(self):
        script = "trap '' TERM INT HUP; (while :; do :; done) & while :; do sleep 1; done"
        result = self.shell(script, flags=["--timeout", "1s"])
        self.assertNotEqual(result.status, 0)
        self.assertLess(result.seconds, 30)

    def test_does_nothing_to_what_ends_in_time(self):
        result = self.shell("exit 7", flags=["--timeout=60s"])
        self.assertEqual((result.status, result.err), (7, ""), result)

    def test_durations(self):
        for text in ("500ms", "0.5s", "1"):
            with self.subTest(duration=text):
                result = self.guest("sleep", "60", flags=[f"--timeout={text}"])
                self.assertNotEqual(result.status, 0)
                self.assertLess(result.seconds, 20)
        for text in ("2m", "1h", "1h30m"):
            with self.subTest(duration=text):
                self.assert_ok(self.guest("true", flags=[f"--timeout={text}"]))

    def test_malformed_durations(self):
        for text in ("", "soon", "-1s", "0", "1y", "s", "1s1", "1e99h"):
            with self.subTest(duration=text):
                self.assert_own_failure(self.ukrun(f"--timeout={text}", "--", "true"), "--timeout")


class MemoryTest(UkrunTest):
    EAT = (
        "import sys\n"
        "print('eating', flush=True)\n"
        "eaten = []\n"
        "for i in range(4000): eaten.append(bytearray(b'x') * (1 << 20))\n"
        "print('never full')\n"
    )

    def test_guest_that_eats_memory_is_killed_with_a_message(self):
        result = self.python(self.EAT, flags=["--memory=256M"])
        self.assertEqual(result.status, 128 + 9, result)
        self.assertEqual(result.out, "eating\n")
        self.assertIn("memory", result.err)

    def test_largest_process_is_the_one(self):
        script = f"/usr/bin/python3 -c \"{self.EAT}\"; echo status $?; echo the rest goes on"
        result = self.shell(script, flags=["--memory", "256M"])
        self.assertEqual(result.out, "eating\nstatus 137\nthe rest goes on\n", result)

    def test_many_small_eaters_are_held_too(self):
        code = (
            "import os, time\n"
            "for i in range(20):\n"
            "    if os.fork() == 0:\n"
            "        data = bytearray(b'x') * (50 << 20); time.sleep(3); os._exit(0)\n"
            "print(sum(os.wait()[1] != 0 for i in range(20)) > 0)\n"
        )
        result = self.python(code, flags=["--memory=300M"])
        self.assertTrue(result.status == 137 or result.out == "True\n", result)

    def test_files_in_memory_count(self):
        script = "head -c 400000000 /dev/zero >/dev/shm/big; echo $?"
        result = self.shell(script, flags=["--memory=128M"])
        self.assertTrue(result.status == 137 or not result.out.startswith("0\n"), result)

    def test_guest_sees_the_limit(self):
        code = (
            "import os\n"
            "for line in open('/proc/meminfo'):\n"
            "    if line.startswith('MemTotal:'): print(line.split()[1])\n"
            "print(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 1024)\n"
        )
        result = self.python(code, flags=["--memory=512M"])
        self.assert_ok(result, f"{512 * 1024}\n" * 2)

    def test_default_is_half_the_hosts(self):
        with open("/proc/meminfo", encoding="utf-8") as file:
            total = int(file.readline().split()[1])
        result = self.shell("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
        self.assert_ok(result)
        self.assertAlmostEqual(int(result.out), total / 2, delta=total / 50)

    def test_malformed_sizes(self):
        for flag in ("--memory", "--upper-size"):
            for text in ("", "much", "-1", "0", "1X", "1.5.2G", "99999999999999999999"):
                with self.subTest(flag=flag, size=text):
                    self.assert_own_failure(self.ukrun(f"{flag}={text}", "--", "true"), flag)


class ProcessesTest(UkrunTest):
    BOMB = (
        "import errno, os, signal, time\n"
        "children = []\n"
        "try:\n"
        "    while len(children) < 10000:\n"
        "        pid = os.fork()\n"
        "        if pid == 0: signal.pause()\n"
        "        children.append(pid)\n"
        "except OSError as error: print(errno.errorcode[error.errno], len(children))\n"
        "for pid in children: os.kill(pid, 9)\n"
        "for pid in children: os.waitpid(pid, 0)\n"
        "if os.fork() == 0: os._exit(0)\n"
        "print('again', os.wait()[1])\n"
    )

    def test_fork_bomb_gets_eagain(self):
        result = self.python(self.BOMB, flags=["--pids=50"], timeout=180)
        self.assert_ok(result)
        name, count = result.out.splitlines()[0].split()
        self.assertEqual(name, "EAGAIN")
        self.assertIn(int(count), range(45, 51))
        self.assertIn("again 0", result.out)

    def test_shells_fork_bomb_ends_with_the_time_out(self):
        # At most 4,096 processes, should nothing hold it.
        script = "bomb() { (($1)) && bomb $(($1 - 1)) | bomb $(($1 - 1)) & }; bomb 12; sleep 60"
        result = self.guest("bash", "-c", script, flags=["--pids=100", "--timeout=3s"], timeout=180)
        self.assertNotEqual(result.status, 0)
        self.assertLess(result.seconds, 60)

    def test_threads_count(self):
        code = (
            "import threading, time\n"
            "started = 0\n"
            "try:\n"
            "    for i in range(1000):\n"
            "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
            "        started += 1\n"
            "except RuntimeError as error: print(started < 50)\n"
        )
        self.assert_ok(self.python(code, flags=["--pids", "50"], timeout=180), "True\n")

    def test_malformed(self):
        for text in ("", "0", "-1", "many", "1.5", "99999999999999999999"):
            with self.subTest(pids=text):
                self.assert_own_failure(self.ukrun(f"--pids={text}", "--", "true"), "--pids")


class ProcessorsTest(UkrunTest):
    SHOW = (
        "import os\n"
        "cpuinfo = open('/proc/cpuinfo').read().count('processor\\t')\n"
        "stat = sum(l.startswith('cpu') for l in open('/proc/stat')) - 1\n"
        "print(len(os.sched_getaffinity(0)), os.cpu_count(), cpuinfo, stat)\n"
    )

    def test_guest_sees_as_many_as_given(self):
        self.assert_ok(self.python(self.SHOW, flags=["--cpus=1"]), "1 1 1 1\n")
        self.assert_ok(self.guest("nproc", flags=["--cpus", "1"]), "1\n")

    def test_all_unless_told(self):
        count = len(os.sched_getaffinity(0))
        self.assert_ok(self.guest("nproc"), f"{count}\n")

    def test_one_processor_is_one_processor(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("this machine has one processor")
        code = (
            "import os, time\n"
            "start = time.monotonic()\n"
            "for i in range(2):\n"
            "    if os.fork() == 0:\n"
            "        while time.monotonic() - start < 2: pass\n"
            "        os._exit(0)\n"
            "os.wait(); os.wait()\n"
            "t = os.times(); print(t.children_user + t.children_system)\n"
        )
        result = self.python(code, flags=["--cpus=1"])
        self.assert_ok(result)
        self.assertLess(float(result.out), 2.8)

    def test_malformed(self):
        for text in ("", "0", "-1", "some", "99999999999999999999"):
            with self.subTest(cpus=text):
                self.assert_own_failure(self.ukrun(f"--cpus={text}", "--", "true"), "--cpus")


if __name__ == "__main__":
    unittest.main()
