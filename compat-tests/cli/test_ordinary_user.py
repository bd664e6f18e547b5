"""ukrun needs no privilege: everything that matters, as a user who has none."""

import os
import unittest

from support import UkrunTest

NOBODY = 65534


class OrdinaryUserTest(UkrunTest):
    def setUp(self):
        super().setUp()
        if os.getuid() != 0:
            self.skipTest("the other tests ran as an ordinary user already")
        if not self.reachable(self.command("x")[0]):
            self.skipTest("ukrun lies below a directory that others may not enter")
        self.work = self.make_directory("/var/tmp")
        self.home = self.work / "home"
        self.home.mkdir()
        for directory in (self.work, self.home):
            os.chown(directory, NOBODY, NOBODY)

    @staticmethod
    def reachable(path):
        """Whether anybody may execute this program, by its own mode and those above."""
        path = os.path.realpath(path)
        while path != "/":
            if not os.stat(path).st_mode & 0o001:
                return False
            path = os.path.dirname(path)
        return True

    def as_nobody(self, script, *flags, groups="--clear-groups"):
        command = self.command("/bin/sh", "-c", script, flags=["--quiet", *flags])
        identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", groups, "--no-new-privs"]
        return self.execute(["/usr/bin/setpriv", *identity, "--bounding-set=-all", *command])

    def test_runs_with_a_layer_of_its_own(self):
        result = self.as_nobody("id -u; pwd; echo x >file; cat file; ls /etc/passwd")
        self.assert_ok(result, f"{NOBODY}\n{self.work}\nx\n/etc/passwd\n")
        self.assertEqual(os.listdir(self.work), ["home"])

    def test_permissions_are_the_users(self):
        result = self.as_nobody("echo x >/usr/made-inside; cat /root/.profile; ls /root")
        self.assertNotEqual(result.status, 0)
        self.assertEqual(result.out, "")
        self.assertEqual(result.err.count("Permission denied"), 3, result)

    def test_user_0_is_root_inside_only(self):
        script = "id -u; stat -c %u .; echo x >/usr/made-inside && echo written; cat /root/.profile"
        result = self.as_nobody(script, "--user=0")
        self.assertTrue(result.out.startswith("0\n0\n"), result)
        self.assertNotIn("#", result.out, "it read what the caller may not")
        self.assertFalse(os.path.exists("/usr/made-inside"))

    def test_binds_share_what_is_the_users(self):
        self.assert_ok(self.as_nobody("echo x >made", "--bind", "."))
        status = os.stat(self.work / "made")
        self.assertEqual((status.st_uid, status.st_gid), (NOBODY, NOBODY))
        result = self.as_nobody("echo x >/etc/made-inside", "--bind", "/etc")
        self.assertIn("Permission denied", result.err)

    def test_limits_hold(self):
        script = "/usr/bin/python3 -c 'x = bytearray(b\"x\") * (1 << 30)'; echo $?; nproc"
        result = self.as_nobody(script, "--memory=256M", "--cpus=1")
        self.assertEqual(result.out, "137\n1\n", result)

    def test_doctor_says_what_is_missing(self):
        command = self.command("x")[:1] + ["doctor"]
        identity = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        result = self.execute(["/usr/bin/setpriv", *identity, *command])
        self.assertEqual(result.status, 0, result)


if __name__ == "__main__":
    unittest.main()
