"""The host's tree below, a copy-on-write layer in memory above, and the line at the end."""

import hashlib
import os
import shutil
import stat
import unittest
from pathlib import Path

from support import NATIVE, UkrunTest, also_native


class CopyOnWriteTest(UkrunTest):
    """What a guest does to the caller's files: as on Linux inside, nothing outside."""

    def setUp(self):
        super().setUp()
        self.make_files()

    def make_files(self):
        (self.work / "file").write_text("original\n", encoding="utf-8")
        (self.work / "directory").mkdir()
        (self.work / "directory" / "inner").write_text("inner\n", encoding="utf-8")
        os.symlink("file", self.work / "link")
        os.utime(self.work / "file", (1_000_000_000, 1_000_000_000))

    def describe(self):
        found = {}
        for parent, directories, files in os.walk(self.work):
            for name in directories + files:
                path = Path(parent, name)
                status = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
                found[path] = (status.st_mode, status.st_mtime_ns, status.st_nlink, content)
        return found

    def check(self, script, out):
        """Runs a script on the files above; natively, on fresh ones each time."""
        before = self.describe()
        self.assert_ok(self.shell(script), out)
        if NATIVE:
            shutil.rmtree(self.work)
            self.work.mkdir()
            self.make_files()
        else:
            self.assertEqual(self.describe(), before, "the host's files changed")

    @also_native
    def test_new_files_are_seen_inside_only(self):
        script = "echo new >new; mkdir -p a/b; echo x >a/b/c; cat new a/b/c; ls"
        self.check(script, "new\nx\na\ndirectory\nfile\nlink\nnew\n")

    @also_native
    def test_changed_file_is_a_copy(self):
        self.check("echo more >>file; cat file", "original\nmore\n")
        self.check("echo other >file; cat file link", "other\nother\n")
        self.check("truncate -s 3 file; cat file", "ori")
        self.check("sed -i s/orig/ORIG/ file; cat file", "ORIGinal\n")

    @also_native
    def test_copy_keeps_what_was_not_changed(self):
        script = "chmod 600 file; stat -c '%a %Y %s' file; cat file"
        self.check(script, "600 1000000000 9\noriginal\n")
        script = "ln file hard; stat -c %h file; echo more >>hard; cat file"
        self.check(script, "2\noriginal\nmore\n")

    @also_native
    def test_descriptor_opened_before_the_copy_sees_the_change(self):
        self.check("exec 3<file; echo changed >>file; cat <&3", "original\nchanged\n")

    @also_native
    def test_deleted_file_is_absent_and_can_come_back(self):
        script = "rm file; ls; cat link 2>/dev/null || echo dangling; echo again >file; cat file"
        self.check(script, "directory\nlink\ndangling\nagain\n")

    @also_native
    def test_deleted_directory_comes_back_empty(self):
        script = "rm -r directory; ls; mkdir directory; ls directory | wc -l"
        self.check(script, "file\nlink\n0\n")

    @also_native
    def test_renames(self):
        script = "mv file moved; cat moved; mv directory other; cat other/inner; ls"
        self.check(script, "original\ninner\nlink\nmoved\nother\n")
        script = "mv file directory/inner; cat directory/inner; mv directory/inner .; ls"
        self.check(script, "original\ndirectory\ninner\nlink\n")

    @also_native
    def test_directories_show_both_layers_once(self):
        script = "touch directory/new directory/inner; rm -f directory/none; ls directory"
        self.check(script, "inner\nnew\n")

    @also_native
    def test_large_file(self):
        size = 50_000_000
        digest = hashlib.md5(b"x" * size).hexdigest()
        script = f"head -c {size} /dev/zero | tr '\\0' x >big; md5sum <big"
        self.check(script, f"{digest}  -\n")

    @also_native
    def test_mapped_file_is_a_copy_too(self):
        code = (
            "import mmap\n"
            "with open('file', 'r+b') as file, mmap.mmap(file.fileno(), 0) as m: m[:4] = b'ORIG'\n"
            "print(open('file').read(), end='')\n"
        )
        self.assert_ok(self.python(code), "ORIGinal\n")
        if not NATIVE:
            self.assertEqual((self.work / "file").read_text(encoding="utf-8"), "original\n")

    def test_each_run_starts_afresh(self):
        self.check("echo x >left", "")
        self.check("ls", "directory\nfile\nlink\n")

    @unittest.skipUnless(os.getuid() == 0, "only root may write to /usr")
    def test_system_directories_are_writable_copies_for_root(self):
        script = "echo x >/usr/made-inside && cat /usr/made-inside"
        self.assert_ok(self.shell(script), "x\n")
        self.assertFalse(Path("/usr/made-inside").exists())

    def test_permissions_of_the_host_hold(self):
        if os.getuid() == 0:
            self.skipTest("root may do everything")
        result = self.shell("echo x >/usr/made-inside")
        self.assertNotEqual(result.status, 0)
        self.assertIn("Permission denied", result.err)


class LastLineTest(UkrunTest):
    """The one line that says what was discarded."""

    def run_shell(self, script, *flags):
        return self.ukrun(*flags, "--", "/bin/sh", "-c", script)

    def test_names_the_number_and_the_flags_that_keep(self):
        result = self.run_shell("for i in 1 2 3; do echo $i >f$i; done; echo hello")
        self.assertEqual((result.status, result.out), (0, "hello\n"), result)
        self.assert_one_line(result.err, "3 files", "discarded", "--keep", "--bind")

    def test_one_file_is_one_file(self):
        self.assert_one_line(self.run_shell("echo x >only").err, "1 file", "discarded")

    def test_changed_files_count(self):
        (self.work / "file").write_text("x", encoding="utf-8")
        self.assert_one_line(self.run_shell("echo more >>file").err, "1 file", "discarded")

    def test_nothing_written_nothing_said(self):
        self.assert_ok(self.run_shell("ls / >/dev/null; cat /etc/passwd >/dev/null"), "")

    def test_quiet_silences_it(self):
        self.assert_ok(self.run_shell("echo x >f", "--quiet"), "")

    def test_comes_also_when_the_command_fails(self):
        result = self.run_shell("echo x >f; exit 9")
        self.assertEqual(result.status, 9)
        self.assert_one_line(result.err, "discarded")

    def test_what_is_bound_is_not_discarded(self):
        self.assert_ok(self.run_shell("echo x >kept", "--bind", "."), "")
        self.assertEqual((self.work / "kept").read_text(encoding="utf-8"), "x\n")


class UpperSizeTest(UkrunTest):
    FILL = "dd if=/dev/zero of=big bs=64k count=1000 status=none"

    def test_full_layer_is_enospc_and_nothing_else_breaks(self):
        script = (
            f"{self.FILL}; echo status $?; rm big; echo small >small && cat small; "
            "echo on stdout; ls /usr >/dev/null && echo reading works"
        )
        result = self.shell(script, flags=["--upper-size=8M"])
        self.assertEqual(result.status, 0, result)
        self.assertIn("No space left on device", result.err)
        self.assertEqual(result.out, "status 1\nsmall\non stdout\nreading works\n")

    def test_what_fits_is_there(self):
        script = f"{self.FILL} 2>/dev/null; stat -c %s big"
        result = self.shell(script, flags=["--upper-size=8M"])
        self.assert_ok(result)
        self.assertIn(int(result.out), range(6_000_000, (8 << 20) + 1))

    def test_space_comes_back(self):
        script = "for i in 1 2 3 4 5; do head -c 6000000 /dev/zero >f && rm f || exit 1; done"
        self.assert_ok(self.shell(script, flags=["--upper-size", "8M"]))

    def test_mapping_beyond_the_end_is_a_signal_not_a_crash(self):
        code = (
            "import mmap\n"
            "file = open('big', 'w+b'); file.truncate(64 << 20)\n"
            "m = mmap.mmap(file.fileno(), 0)\n"
            "for i in range(0, len(m), 4096): m[i] = 1\n"
        )
        result = self.python(code, flags=["--upper-size=8M"])
        self.assertIn(result.status, (1, 128 + 7), result)

    def test_files_without_end(self):
        code = (
            "import os\n"
            "try:\n"
            "    for number in range(100000): os.mknod(f'f{number}')\n"
            "except OSError as error: print(error.strerror)\n"
            "print(len(os.listdir()) > 100)\n"
        )
        result = self.python(code, flags=["--upper-size=1M"], timeout=300)
        self.assert_ok(result)
        self.assertIn(result.out, ("No space left on device\nTrue\n", "True\n"))

    def test_default_is_a_gibibyte(self):
        code = "import os; s = os.statvfs('.'); print(s.f_frsize * s.f_blocks)"
        result = self.python(code)
        self.assert_ok(result)
        self.assertEqual(int(result.out), 1 << 30)

    def test_sizes(self):
        code = "import os; s = os.statvfs('.'); print(s.f_frsize * s.f_blocks)"
        sizes = {"65536k": 64 << 20, "64M": 64 << 20, "2G": 2 << 30, "67108864": 64 << 20}
        for text, size in sizes.items():
            with self.subTest(text=text):
                self.assert_ok(self.python(code, flags=[f"--upper-size={text}"]), f"{size}\n")


class EmptyDirectoriesTest(UkrunTest):
    """/tmp, /var/tmp, /run and /dev/shm start empty."""

    DIRECTORIES = ("/tmp", "/var/tmp", "/run", "/dev/shm")

    def test_start_empty(self):
        for directory in self.DIRECTORIES:
            with self.subTest(directory=directory):
                if os.access(directory, os.W_OK):
                    self.make_directory(directory)
                self.assert_ok(self.guest("ls", "-A", directory), "")

    def test_can_be_written(self):
        for directory in ("/tmp", "/var/tmp", "/dev/shm"):
            with self.subTest(directory=directory):
                name = f"{directory}/ukrun-made-inside"
                self.assert_ok(self.shell(f"echo x >{name} && cat {name}"), "x\n")
                self.assertFalse(os.path.exists(name))

    def test_have_their_modes(self):
        self.assert_ok(self.guest("stat", "-c", "%a", "/tmp", "/var/tmp", "/dev/shm"), "1777\n" * 3)

    def test_working_directory_below_them_stays_visible(self):
        for parent in self.DIRECTORIES:
            if not os.access(parent, os.W_OK):
                continue
            with self.subTest(parent=parent):
                directory = self.make_directory(parent)
                other = self.make_directory(parent)
                deep = directory / "a" / "b"
                deep.mkdir(parents=True)
                (deep / "file").write_text("seen\n", encoding="utf-8")
                script = f"cat file; pwd; echo x >new; cat new; ls {parent}; ls {other}"
                result = self.shell(script, cwd=deep, env=self.environment(PWD=str(deep)))
                self.assertEqual(result.out, f"seen\n{deep}\nx\n{directory.name}\n", result)
                self.assertIn("No such file", result.err)
                self.assertEqual(os.listdir(deep), ["file"])


if __name__ == "__main__":
    unittest.main()
