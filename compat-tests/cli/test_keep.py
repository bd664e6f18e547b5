"""--keep DIR saves the upper layer: the files, and a list of deletions."""

import os
import signal
import stat
import subprocess
import unittest

from support import UkrunTest, status_of, wait_until


class KeepTest(UkrunTest):
    def setUp(self):
        super().setUp()
        self.kept = self.root / "kept"

    def keep(self, script, *flags, **named):
        return self.ukrun(f"--keep={self.kept}", *flags, "--", "/bin/sh", "-c", script, **named)

    def find(self, guest_path):
        """The saved file that stands for a path inside: DIR/…/<the whole path>."""
        wanted = str(guest_path)
        found = []
        for parent, directories, files in os.walk(self.kept):
            for name in directories + files:
                path = os.path.join(parent, name)
                if path.endswith(wanted):
                    found.append(path)
        self.assertEqual(len(found), 1, f"{wanted} saved as {found}")
        return found[0]

    def read(self, guest_path):
        with open(self.find(guest_path), encoding="utf-8") as file:
            return file.read()

    def saved_texts(self):
        """Every small text file directly in DIR: one of them lists the deletions."""
        texts = ""
        for entry in os.scandir(self.kept):
            if entry.is_file(follow_symlinks=False):
                with open(entry, encoding="utf-8", errors="replace") as file:
                    texts += file.read()
        return texts

    def test_new_and_changed_files_are_saved(self):
        (self.work / "old").write_text("old\n", encoding="utf-8")
        script = "echo new >new; echo more >>old; mkdir -p a/b; echo deep >a/b/c; echo out"
        result = self.keep(script)
        self.assertEqual((result.status, result.out), (0, "out\n"), result)
        self.assertEqual(self.read(self.work / "new"), "new\n")
        self.assertEqual(self.read(self.work / "old"), "old\nmore\n")
        self.assertEqual(self.read(self.work / "a/b/c"), "deep\n")
        self.assertEqual(os.listdir(self.work), ["old"])
        self.assertEqual((self.work / "old").read_text(encoding="utf-8"), "old\n")
        self.assertNotIn("discarded", result.err)

    def test_files_that_were_only_read_are_not_saved(self):
        (self.work / "read").write_text("x", encoding="utf-8")
        self.assertEqual(self.keep("cat read; echo x >written").status, 0)
        saved = [name for _, _, files in os.walk(self.kept) for name in files]
        self.assertIn("written", saved)
        self.assertNotIn("read", saved)

    def test_deletions_are_listed(self):
        (self.work / "victim").write_text("x", encoding="utf-8")
        (self.work / "tree").mkdir()
        (self.work / "tree" / "leaf").write_text("x", encoding="utf-8")
        (self.work / "renamed").write_text("x", encoding="utf-8")
        script = "rm victim; rm -r tree; mv renamed other; touch t; rm t"
        self.assertEqual(self.keep(script).status, 0)
        listed = self.saved_texts()
        for name in ("victim", "tree", "renamed"):
            self.assertIn(str(self.work / name), listed)
        self.assertNotIn(f"{self.work}/t\n", listed, "was never there for others")
        self.assertEqual(self.read(self.work / "other"), "x")
        self.assertTrue((self.work / "victim").exists())

    def test_modes_times_and_links_are_saved(self):
        script = (
            "echo '#!/bin/sh' >tool; chmod 750 tool; touch -d '2001-01-01T00:00:00Z' tool; "
            "ln -s tool link; mkdir -m 700 private; truncate -s 100M sparse; ln tool hard"
        )
        self.assertEqual(self.keep(script).status, 0)
        status = os.stat(self.find(self.work / "tool"))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o750)
        self.assertEqual(int(status.st_mtime), 978307200)
        self.assertEqual(os.readlink(self.find(self.work / "link")), "tool")
        self.assertEqual(stat.S_IMODE(os.stat(self.find(self.work / "private")).st_mode), 0o700)
        sparse = os.stat(self.find(self.work / "sparse"))
        self.assertEqual(sparse.st_size, 100 << 20)
        self.assertLess(sparse.st_blocks * 512, 10 << 20)
        self.assertEqual(self.read(self.work / "hard"), "#!/bin/sh\n")

    def test_set_user_id_is_not_planted_on_the_host(self):
        self.assertEqual(self.keep("cp /bin/true s; chmod 6755 s; echo x >y").status, 0)
        self.assertEqual(os.stat(self.find(self.work / "s")).st_mode & 0o6000, 0)

    def test_names_that_could_escape_do_not(self):
        script = f"ln -s {self.root} out; ln -s / root; mkdir d; mv d '..x'; echo x >'a\nb'"
        self.assertEqual(self.keep(script).status, 0)
        self.assertEqual(os.readlink(self.find(self.work / "out")), str(self.root))
        self.assertEqual(sorted(os.listdir(self.root)), ["home", "kept", "work"])

    def test_failing_command_is_saved_too(self):
        result = self.keep("echo x >new; exit 6")
        self.assertEqual(result.status, 6, result)
        self.assertEqual(self.read(self.work / "new"), "x\n")

    def test_after_a_time_out(self):
        result = self.keep("echo saved >new; sleep 60", "--timeout=2s")
        self.assertNotEqual(result.status, 0)
        self.assertLess(result.seconds, 30)
        self.assertEqual(self.read(self.work / "new"), "saved\n")

    def interrupt(self, number):
        script = "echo saved >new; echo ready; exec sleep 60"
        command = self.command("/bin/sh", "-c", script, flags=[f"--keep={self.kept}"])
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(number)
        self.assertTrue(wait_until(lambda: process.poll() is not None), "it didn't end")
        self.assertEqual(self.read(self.work / "new"), "saved\n")
        return status_of(process.returncode)

    def test_after_an_interrupt(self):
        self.assertEqual(self.interrupt(signal.SIGINT), 128 + signal.SIGINT)

    def test_after_a_termination(self):
        self.assertEqual(self.interrupt(signal.SIGTERM), 128 + signal.SIGTERM)

    def test_many_files(self):
        script = "mkdir many; cd many; for i in $(seq 2000); do echo $i >f$i; done"
        self.assertEqual(self.keep(script).status, 0)
        self.assertEqual(len(os.listdir(self.find(self.work / "many"))), 2000)
        self.assertEqual(self.read(self.work / "many/f1234"), "1234\n")

    def test_directory_that_cannot_be_made_is_refused_before_the_start(self):
        (self.work / "file").write_text("x", encoding="utf-8")
        for bad in ("/proc/nothing", str(self.work / "file"), str(self.work / "file" / "below")):
            with self.subTest(directory=bad):
                result = self.ukrun(f"--keep={bad}", "--", "echo", "started")
                self.assert_own_failure(result, bad)

    def test_what_somebody_kept_before_is_not_overwritten(self):
        self.kept.mkdir()
        (self.kept / "precious").write_text("mine", encoding="utf-8")
        result = self.keep("echo x >new")
        self.assertEqual((self.kept / "precious").read_text(encoding="utf-8"), "mine")
        if result.status != 0:
            self.assert_own_failure(result, self.kept)


if __name__ == "__main__":
    unittest.main()
