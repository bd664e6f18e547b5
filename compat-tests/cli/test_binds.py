"""--bind, --ro-bind and --tmpfs."""

import os
import unittest

from support import NOT_EXECUTABLE, UkrunTest


class BindTest(UkrunTest):
    def setUp(self):
        super().setUp()
        self.shared = self.root / "shared"
        self.shared.mkdir()
        (self.shared / "file").write_text("given\n", encoding="utf-8")

    def test_bind_shares_read_write(self):
        script = "cat file; echo new >new; echo more >>file; mkdir d; mv new d/; ln -s d l; rm -f x"
        self.assert_ok(self.shell(f"cd {self.shared}; {script}", flags=["--bind", self.shared]))
        self.assertEqual((self.shared / "file").read_text(encoding="utf-8"), "given\nmore\n")
        self.assertEqual((self.shared / "d" / "new").read_text(encoding="utf-8"), "new\n")
        self.assertEqual(os.readlink(self.shared / "l"), "d")

    def test_bind_to_another_place(self):
        for target in ("/mnt/here", "/a/new/place", self.work / "below"):
            with self.subTest(target=target):
                script = f"cat {target}/file; echo x >{target}/made && rm {target}/made"
                flags = [f"--bind={self.shared}:{target}"]
                self.assert_ok(self.shell(script, flags=flags), "given\n")
                self.assertFalse(os.path.exists(target))

    def test_bind_of_the_working_directory(self):
        (self.work / "here").write_text("x", encoding="utf-8")
        self.assert_ok(self.shell("ls; pwd; echo y >made", flags=["--bind", "."]),
                       f"here\n{self.work}\n")
        self.assertEqual((self.work / "made").read_text(encoding="utf-8"), "y\n")

    def test_bind_of_one_file(self):
        flags = [f"--bind={self.shared / 'file'}:/etc/one-file"]
        self.assert_ok(self.shell("cat /etc/one-file; echo more >>/etc/one-file", flags=flags))
        self.assertEqual((self.shared / "file").read_text(encoding="utf-8"), "given\nmore\n")

    def test_what_the_guest_writes_belongs_to_the_caller(self):
        script = f"echo x >{self.shared}/made; mkdir -m 750 {self.shared}/d"
        self.assert_ok(self.shell(f"umask 027; {script}", flags=["--bind", self.shared]))
        status = (self.shared / "made").stat()
        self.assertEqual((status.st_uid, status.st_gid), (os.getuid(), os.getgid()))
        self.assertEqual(status.st_mode & 0o777, 0o640)

    def test_host_changes_are_seen(self):
        # cat must have met the end of the file before the file changes.
        script = (
            f"cat {self.shared}/file; echo over; read go; cat {self.shared}/file; ls {self.shared}"
        )
        command = self.command("/bin/sh", "-c", script, flags=["--quiet", "--bind", self.shared])
        process = self.start(command, stdin=-1, stdout=-1)
        self.assertEqual(process.stdout.readline(), b"given\n")
        self.assertEqual(process.stdout.readline(), b"over\n")
        (self.shared / "file").write_text("changed outside\n", encoding="utf-8")
        (self.shared / "another").write_text("", encoding="utf-8")
        out, _ = process.communicate(b"\n", timeout=60)
        self.assertEqual(out, b"changed outside\nanother\nfile\n")

    def test_ro_bind_cannot_be_written(self):
        target = "/mnt/fixed"
        script = (
            f"cd {target}; cat file; for c in 'echo x >file' 'echo x >new' 'rm file' 'mkdir d' "
            "'mv file g' 'chmod 600 file' 'ln -s a b' 'touch file'; do "
            "sh -c \"$c\" 2>&1 | grep -q 'Read-only file system' || echo \"$c worked\"; done"
        )
        flags = ["--ro-bind", f"{self.shared}:{target}"]
        self.assert_ok(self.shell(script, flags=flags), "given\n")
        self.assertEqual(os.listdir(self.shared), ["file"])

    def test_ro_bind_without_a_target(self):
        result = self.shell(f"cat {self.shared}/file; echo x >{self.shared}/n",
                            flags=["--ro-bind", self.shared])
        self.assertEqual(result.out, "given\n")
        self.assertIn("Read-only file system", result.err)

    def test_later_binds_lie_on_earlier_ones(self):
        inner = self.shared / "inner"
        inner.mkdir()
        script = f"echo x >{inner}/made; (echo x >{self.shared}/made) 2>/dev/null || echo fixed"
        flags = ["--ro-bind", self.shared, "--bind", inner]
        self.assert_ok(self.shell(script, flags=flags), "fixed\n")
        self.assertEqual(os.listdir(inner), ["made"])

    def test_symlinks_in_a_bind_lead_to_what_the_guest_sees(self):
        (self.root / "outside").write_text("host's\n", encoding="utf-8")
        os.symlink(self.root / "outside", self.shared / "out")
        os.symlink("../../../../../../../../../etc/passwd", self.shared / "up")
        flags = ["--bind", f"{self.shared}:/mnt/s"]
        script = f"echo inside >{self.root}/outside; cat /mnt/s/out; head -c 4 /mnt/s/up"
        self.assert_ok(self.shell(script, flags=flags), "inside\nroot")
        self.assertEqual((self.root / "outside").read_text(encoding="utf-8"), "host's\n")

    def test_moves_across_are_copies(self):
        flags = ["--bind", f"{self.shared}:/mnt/s"]
        self.assert_ok(self.shell("echo x >f; mv f /mnt/s/; mv /mnt/s/file .; ls", flags=flags),
                       "file\n")
        self.assertEqual(os.listdir(self.shared), ["f"])

    def test_guest_cannot_leave_a_device_or_a_set_user_id_file_in_a_bind(self):
        script = (
            "cd /mnt/s; mknod null c 1 3 2>/dev/null; "
            "cp /bin/true s && chmod 4755 s 2>/dev/null; mkfifo f; true"
        )
        self.assert_ok(self.shell(script, flags=["--bind", f"{self.shared}:/mnt/s"]))
        self.assertFalse((self.shared / "null").exists())
        self.assertEqual((self.shared / "s").stat().st_mode & 0o6000, 0)

    def test_source_that_is_missing_is_named(self):
        for flag in ("--bind", "--ro-bind"):
            with self.subTest(flag=flag):
                missing = self.root / "missing"
                self.assert_own_failure(self.ukrun(flag, missing, "--", "true"), missing)

    def test_malformed_binds(self):
        for text in ("", ":", ":/x", f"{self.shared}:relative", f"{self.shared}:"):
            with self.subTest(text=text):
                self.assert_own_failure(self.ukrun("--bind", text, "--", "true"), "--bind")


class TmpfsTest(UkrunTest):
    def test_is_empty_and_writable(self):
        script = "ls -A /data; echo x >/data/f; cat /data/f; stat -f -c %T /data"
        self.assert_ok(self.shell(script, flags=["--tmpfs", "/data"]), "x\ntmpfs\n")
        self.assertFalse(os.path.exists("/data/f"))

    def test_covers_what_was_there(self):
        (self.work / "file").write_text("x", encoding="utf-8")
        self.assert_ok(self.shell("cd ..; ls -A work", flags=["--tmpfs", self.work]), "")

    def test_size(self):
        fill = "head -c 3000000 /dev/zero >/data/f; echo $?"
        script = f"{fill}; rm /data/f; echo x >/data/g; cat /data/g"
        result = self.shell(script, flags=["--tmpfs=/data:size=1M"])
        self.assertEqual((result.status, result.out), (0, "1\nx\n"), result)
        self.assertIn("No space left", result.err)

    def test_mode(self):
        self.assert_ok(self.guest("stat", "-c", "%a", "/data", flags=["--tmpfs=/data:mode=700"]),
                       "700\n")

    def test_noexec(self):
        script = "cp /bin/true /data/t; cd /data; ./t; echo $?"
        self.assert_ok(self.shell(script, flags=["--tmpfs=/data"]), "0\n")
        result = self.shell(script, flags=["--tmpfs=/data:noexec"])
        self.assertEqual(result.out, f"{NOT_EXECUTABLE}\n", result)
        self.assertIn("Permission denied", result.err)

    def test_nosuid_and_nodev(self):
        flags = ["--tmpfs=/data:size=2M,mode=1777,noexec,nosuid,nodev"]
        result = self.shell("grep ' /data ' /proc/mounts; stat -c %a /data", flags=flags)
        self.assert_ok(result)
        for option in ("noexec", "nosuid", "nodev"):
            self.assertIn(option, result.out)
        self.assertTrue(result.out.endswith("1777\n"))

    def test_does_not_count_as_discarded(self):
        script = "echo x >/data/f; echo x >/tmp/f"
        self.assert_ok(self.ukrun("--tmpfs=/data", "--", "/bin/sh", "-c", script), "")

    def test_malformed(self):
        for text in ("", "relative", "/data:", "/data:size=x", "/data:mode=9", "/data:unknown"):
            with self.subTest(text=text):
                self.assert_own_failure(self.ukrun("--tmpfs", text, "--", "true"), "--tmpfs")


if __name__ == "__main__":
    unittest.main()
