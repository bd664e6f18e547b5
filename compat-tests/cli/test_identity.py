"""Who the guest is: user and group, PID 1 and its reaper, host name; and no network."""

import os
import socket
import unittest

from support import UkrunTest


class UserTest(UkrunTest):
    def test_guest_runs_as_the_caller(self):
        own = f"{os.getuid()} {os.getgid()} {os.geteuid()} {os.getegid()}\n"
        self.assert_ok(self.shell("echo $(id -ru) $(id -rg) $(id -u) $(id -g)"), own)

    def test_files_belong_to_whom_they_do(self):
        (self.work / "mine").write_text("", encoding="utf-8")
        own = f"{os.getuid()} {os.getgid()}\n"
        script = "stat -c '%u %g' mine . /etc/passwd; touch new; stat -c '%u %g' new"
        self.assert_ok(self.shell(script), own + own + "0 0\n" + own)

    def test_git_takes_the_callers_tree(self):
        self.assert_ok(self.shell("git init -q && git status --short"), "")

    def test_user_and_group(self):
        users = {"1234:4321": "1234 4321\n", "1234": "1234 ", "0": "0 ", "0:0": "0 0\n"}
        for text, seen in users.items():
            with self.subTest(user=text):
                result = self.shell("echo $(id -u) $(id -g)", flags=[f"--user={text}"])
                self.assert_ok(result)
                self.assertTrue(result.out.startswith(seen), result)

    def test_other_users_permissions_hold(self):
        script = "touch new 2>/dev/null || echo refused; touch /tmp/mine && stat -c %u /tmp/mine"
        self.work.chmod(0o755)
        if os.getuid() == 0:
            self.assert_ok(self.shell(script, flags=["--user=1234:1234"]), "refused\n1234\n")

    def test_user_0_sees_the_callers_files_as_roots(self):
        (self.work / "mine").write_text("", encoding="utf-8")
        script = "id -u; stat -c '%u %g' mine; touch new; chown 5:6 new; stat -c '%u %g' new"
        self.assert_ok(self.shell(script, flags=["--user", "0"]), "0\n0 0\n5 6\n")

    def test_malformed_user(self):
        for text in ("", "x y", "-1", "1:", ":1", "1:2:3", "4294967295", "99999999999"):
            with self.subTest(user=text):
                self.assert_own_failure(self.ukrun(f"--user={text}", "--", "true"), "--user")


class FirstProcessTest(UkrunTest):
    def test_processes_count_from_one(self):
        result = self.shell("echo $$ $PPID; cat /proc/1/comm >/dev/null && echo first")
        self.assert_ok(result)
        pid, parent = map(int, result.out.splitlines()[0].split())
        self.assertLessEqual(pid, 2)
        self.assertEqual(parent, pid - 1)
        self.assertIn("first", result.out)

    def test_orphans_are_reaped(self):
        script = (
            "for i in $(seq 20); do sh -c 'sleep 0.1 & exit 0'; done; sleep 1.5; "
            "ps -e -o stat= | grep -c '^Z'; true"
        )
        self.assert_ok(self.shell(script), "0\n")

    def test_orphans_belong_to_process_1(self):
        script = "sh -c 'sh -c \"sleep 0.5; ps -o ppid= -p \\$\\$\" & exit 0'; sleep 1.5"
        result = self.shell(script)
        self.assert_ok(result)
        self.assertEqual(result.out.strip(), "1")

    def test_signals_from_inside_reach_the_command(self):
        result = self.shell("kill -TERM $$; sleep 20")
        self.assertEqual(result.status, 128 + 15, result)

    def test_killing_everything_reaches_the_sandbox_only(self):
        # The guard is for this test's host: a number this small isn't one of its processes.
        script = "[ $$ -le 2 ] || exit 9; sleep 60 & exec 2>/dev/null; kill -9 -1; wait $!; echo $?"
        self.assert_ok(self.shell(script), "137\n")


class HostNameTest(UkrunTest):
    SHOW = "hostname; uname -n; cat /proc/sys/kernel/hostname"

    def test_is_ukrun(self):
        self.assert_ok(self.shell(self.SHOW), "ukrun\n" * 3)

    def test_can_be_chosen(self):
        self.assert_ok(self.shell(self.SHOW, flags=["--hostname", "box-1"]), "box-1\n" * 3)

    def test_malformed(self):
        for text in ("", "x" * 65):
            with self.subTest(hostname=text):
                result = self.ukrun(f"--hostname={text}", "--", "true")
                self.assert_own_failure(result, "--hostname")

    def test_system_looks_like_linux(self):
        result = self.shell("uname -s; uname -m; test -n \"$(uname -r)\" && echo release")
        self.assert_ok(result, "Linux\nx86_64\nrelease\n")


class NetworkTest(UkrunTest):
    def test_internet_sockets_are_refused(self):
        code = (
            "import socket\n"
            "for family in (socket.AF_INET, socket.AF_INET6):\n"
            "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
            "        try: socket.socket(family, kind); print('a socket of', family, kind)\n"
            "        except OSError as error: pass\n"
        )
        self.assert_ok(self.python(code), "")

    def test_other_families_are_refused(self):
        code = (
            "import socket\n"
            "for family in (socket.AF_PACKET, socket.AF_VSOCK, socket.AF_BLUETOOTH, 40, 99):\n"
            "    try: socket.socket(family, socket.SOCK_STREAM); print('a socket of', family)\n"
            "    except OSError as error: pass\n"
        )
        self.assert_ok(self.python(code), "")

    def test_programs_say_so_and_go_on(self):
        code = (
            "import urllib.request\n"
            "try: urllib.request.urlopen('http://192.0.2.1/', timeout=5)\n"
            "except OSError as error: print('no network')\n"
        )
        result = self.python(code)
        self.assert_ok(result, "no network\n")
        self.assertLess(result.seconds, 30)

    def test_abstract_sockets_of_the_host_are_out_of_reach(self):
        name = f"\0ukrun-cli-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
            listener.listen(1)
            code = (
                "import socket\n"
                f"try: socket.socket(socket.AF_UNIX).connect({name!r})\n"
                "except ConnectionRefusedError: print('refused')\n"
            )
            self.assert_ok(self.python(code), "refused\n")


if __name__ == "__main__":
    unittest.main()
