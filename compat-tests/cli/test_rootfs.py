"""--rootfs DIR takes another root."""

import os
import shutil
import unittest

from support import NOT_FOUND, UkrunTest

BUSYBOX = "/bin/busybox"


class RootfsTest(UkrunTest):
    def setUp(self):
        super().setUp()
        if shutil.which("busybox") is None:
            self.skipTest("busybox is not installed")
        self.rootfs = self.root / "rootfs"
        for directory in ("bin", "etc", "root", "data"):
            (self.rootfs / directory).mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), self.rootfs / "bin" / "busybox")
        for applet in ("sh", "ls", "cat", "pwd", "rm", "id"):
            os.symlink("busybox", self.rootfs / "bin" / applet)
        (self.rootfs / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n", encoding="utf-8")
        (self.rootfs / "data" / "file").write_text("in the image\n", encoding="utf-8")

    def sh(self, script, *flags, **named):
        return self.guest("/bin/sh", "-c", script, flags=["--rootfs", self.rootfs, *flags], **named)

    def test_is_the_guests_root(self):
        result = self.sh("cat /data/file; ls /; ls /usr")
        self.assertIn("in the image\n", result.out)
        for name in ("bin", "data", "etc", "root"):
            self.assertIn(f"{name}\n", result.out)
        self.assertNotIn("home\n", result.out)
        self.assertIn("No such file", result.err)

    def test_is_not_changed(self):
        self.assert_ok(self.sh("echo x >/data/file; rm /etc/passwd; echo y >/new; cat /data/file"),
                       "x\n")
        self.assertEqual((self.rootfs / "data" / "file").read_text(encoding="utf-8"),
                         "in the image\n")
        self.assertFalse((self.rootfs / "new").exists())

    def test_starts_in_the_root_where_the_directory_is_missing(self):
        self.assert_ok(self.sh("pwd"), "/\n")

    def test_has_proc_dev_and_tmp_all_the_same(self):
        script = "ls -d /dev/null /proc/self /tmp; echo x >/dev/null; echo y >/tmp/f; cat /tmp/f"
        self.assert_ok(self.sh(script), "/dev/null\n/proc/self\n/tmp\ny\n")

    def test_binds_reach_into_it(self):
        shared = self.root / "shared"
        shared.mkdir()
        self.assert_ok(self.sh("echo x >/in/made", f"--bind={shared}:/in"))
        self.assertEqual(os.listdir(shared), ["made"])
        self.assert_ok(self.sh("ls /host-usr/bin/env", "--ro-bind=/usr:/host-usr"),
                       "/host-usr/bin/env\n")

    def test_links_of_an_image_lead_nowhere_else(self):
        (self.root / "secret").write_text("the host's", encoding="utf-8")
        os.symlink(self.root / "secret", self.rootfs / "absolute")
        os.symlink("../" * 20 + str(self.root / "secret").lstrip("/"), self.rootfs / "up")
        os.symlink("/", self.rootfs / "self")
        result = self.sh("cat /absolute; cat /up; cat /self/data/file; cat /../data/file")
        self.assertEqual(result.out, "in the image\nin the image\n")

    def test_devices_and_fifos_of_an_image_hang_nobody(self):
        os.mkfifo(self.rootfs / "fifo")
        if os.getuid() == 0:
            os.mknod(self.rootfs / "disk", 0o60660, os.makedev(8, 0))
        result = self.sh("cat /disk; (cat /fifo & echo through >/fifo; wait)")
        self.assertEqual(result.out, "through\n", result)

    def test_command_is_looked_for_inside(self):
        result = self.guest("/usr/bin/python3", flags=["--rootfs", self.rootfs])
        self.assertEqual(result.status, NOT_FOUND, result)

    def test_relative_directory(self):
        result = self.guest("/bin/cat", "/data/file", flags=["--rootfs", "../rootfs"])
        self.assert_ok(result, "in the image\n")

    def test_directory_that_is_missing_or_none(self):
        for bad in (self.root / "missing", self.rootfs / "data" / "file"):
            with self.subTest(rootfs=bad):
                self.assert_own_failure(self.ukrun("--rootfs", bad, "--", "/bin/sh"), bad)


if __name__ == "__main__":
    unittest.main()
