"""Secrets are absent by default: by name, by inode, inside binds; --hide and --unhide."""

import glob
import os
import pwd
import socket
import unittest

from support import PYTHON, UkrunTest

# Below every home: a file, or a directory with something in it.
HOME_FILES = (
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".docker/config.json",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".claude/.credentials.json",
    ".codex/auth.json",
    ".gemini/oauth_creds.json",
)
HOME_DIRECTORIES = (
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".config/gcloud",
    ".config/gh",
    ".local/share/keyrings",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
)
SYSTEM = ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private",
          "/etc/shadow-", "/etc/gshadow-")
CANARY = "canary-of-the-host"

# Reads paths from its standard input, and names every call that finds one of them: that works, or
# fails with another errno than it does for a name beside it that nothing has. (On a read-only file
# system, changes fail with EROFS whatever the name.) The calls that would change something are made
# only where told: never on what the host needs.
PROBE = """
import errno, os, sys

CALLS = {
    "stat": os.stat,
    "lstat": os.lstat,
    "listdir": os.listdir,
    "readlink": os.readlink,
    "chdir": os.chdir,
    "getxattr": lambda path: os.getxattr(path, "user.x"),
    "open": lambda path: os.open(path, os.O_RDONLY),
    "open by path": lambda path: os.open(path, os.O_PATH),
}
CHANGES = {
    "unlink": os.unlink,
    "rmdir": os.rmdir,
    "rename": lambda path: os.rename(path, path + ".moved"),
    "link": lambda path: os.link(path, path + ".linked"),
    "chmod": lambda path: os.chmod(path, 0o777),
    "truncate": lambda path: os.truncate(path, 0),
}
if "changes" in sys.argv:
    CALLS.update(CHANGES)


def outcome(call, path):
    try:
        call(path)
    except OSError as error:
        return error.errno
    return 0


for path in sys.stdin.read().split("\\n"):
    parent, base = os.path.split(path)
    nothing = os.path.join(parent, "name-of-nothing")
    for name, call in CALLS.items():
        found = outcome(call, path)
        if found not in (errno.ENOENT, errno.ENOTDIR, outcome(call, nothing) or errno.ENOENT):
            print(path, name, errno.errorcode.get(found, "worked"))
    if os.path.isdir(parent) and base in os.listdir(parent):
        print(path, "is listed")
"""


class HomeTest(UkrunTest):
    """A home full of secrets."""

    def setUp(self):
        super().setUp()
        for name in HOME_FILES:
            self.plant(self.home / name)
        for name in HOME_DIRECTORIES:
            self.plant(self.home / name / "inner" / "key")
        self.plant(self.home / ".ssh" / "id_ed25519")
        (self.home / ".bashrc").write_text("ordinary\n", encoding="utf-8")

    def plant(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY, encoding="utf-8")

    def assert_absent(self, paths, changes=True, **named):
        """Each path is absent for every call that could tell, and from its directory."""
        words = [PYTHON, "-c", PROBE, "changes" if changes else "reads"]
        result = self.guest(*words, stdin="\n".join(map(str, paths)), **named)
        self.assert_ok(result, "")


class SecretsTest(HomeTest):
    def test_secrets_of_a_home_are_absent(self):
        self.assert_absent([self.home / name for name in HOME_FILES + HOME_DIRECTORIES])

    def test_no_byte_of_them_is_found(self):
        result = self.shell(f"grep -rls {CANARY} {self.home}; ls -A {self.home}; cat ~/.bashrc")
        self.assertTrue(result.out.endswith("ordinary\n"), result)
        self.assertIn("\n.bashrc\n", "\n" + result.out)
        for name in (".ssh", ".netrc", "canary", "key"):
            self.assertNotIn(f"{name}\n", result.out)

    def test_homes_of_the_password_file(self):
        present = []
        for user in pwd.getpwall():
            for name in HOME_FILES + HOME_DIRECTORIES:
                path = os.path.join(user.pw_dir, name)
                if os.path.lexists(path):
                    present.append(path)
        if not present:
            self.skipTest("no home of this machine holds a secret")
        script = 'for path; do ls -d "$path" 2>/dev/null; done; true'
        self.assert_ok(self.guest("/bin/sh", "-c", script, "sh", *present), "")

    def test_secrets_of_the_system_are_absent(self):
        keys = glob.glob("/etc/ssh/ssh_host_*_key")
        self.assert_absent([*SYSTEM, *keys], changes=False)
        self.assert_ok(self.shell("ls /etc | grep -E '^(g?shadow-?|sudoers.*)$' || true"), "")

    def test_hard_links_are_absent_too(self):
        os.link(self.home / ".netrc", self.work / "innocent")
        os.link(self.home / ".ssh" / "id_ed25519", self.work / "harmless")
        os.link(self.home / ".ssh" / "inner" / "key", self.work / "plain")
        self.assert_absent([self.work / name for name in ("innocent", "harmless", "plain")])

    def test_hard_links_to_env_files_are_absent_too(self):
        self.plant(self.work / "deep" / ".env")
        os.link(self.work / "deep" / ".env", self.work / "innocent")
        self.assert_absent([self.work / "innocent"])
        self.assert_absent(["/mnt/w/innocent"], flags=[f"--bind={self.work}:/mnt/w"])

    def test_symlinks_and_detours_lead_nowhere(self):
        os.symlink(self.home / ".ssh", self.work / "to-directory")
        os.symlink(self.home / ".ssh" / "id_ed25519", self.work / "to-file")
        paths = [
            self.work / "to-directory" / "id_ed25519",
            f"/proc/self/root{self.home}/.ssh/id_ed25519",
            f"{self.home}/./.ssh/../.ssh/id_ed25519",
            f"//{self.home}/.netrc",
        ]
        script = 'cat "$@" to-file to-directory/* 2>/dev/null'
        result = self.guest("/bin/sh", "-c", script, "sh", *paths)
        self.assertEqual(result.out, "", result)

    def test_renaming_what_is_above_brings_nothing_to_light(self):
        script = (
            f"mv {self.home} {self.root}/moved; cat {self.root}/moved/.ssh/id_ed25519; "
            f"cat {self.root}/moved/.netrc; cp -r {self.root}/moved {self.root}/copy; "
            f"grep -r {CANARY} {self.root}/copy"
        )
        self.assertEqual(self.shell(script).out, "")

    def test_they_are_absent_inside_binds(self):
        for flag in ("--bind", "--ro-bind"):
            for target in (str(self.home), "/mnt/home"):
                with self.subTest(flag=flag, target=target):
                    names = [f"{target}/{name}" for name in HOME_FILES + HOME_DIRECTORIES]
                    self.assert_absent(names, flags=[f"{flag}={self.home}:{target}"])
        self.assertEqual((self.home / ".netrc").read_text(encoding="utf-8"), CANARY)

    def test_hard_links_are_absent_inside_binds(self):
        os.link(self.home / ".netrc", self.work / "innocent")
        self.assert_absent(["/mnt/w/innocent"], flags=[f"--bind={self.work}:/mnt/w"])

    def test_env_files_are_absent_everywhere(self):
        for name in (".env", ".env.local", ".env.production", "deep/er/.env"):
            self.plant(self.work / name)
        for name in (".env.example", ".envrc", "x.env", "env"):
            (self.work / name).write_text("ordinary\n", encoding="utf-8")
        self.assert_absent([self.work / name for name in (".env", ".env.local", "deep/er/.env")])
        self.assert_ok(self.shell("cat .env.example .envrc x.env env"), "ordinary\n" * 4)

    def test_directory_named_env_is_an_ordinary_one(self):
        (self.work / ".env" / "bin").mkdir(parents=True)
        (self.work / ".env" / "bin" / "tool").write_text("tool\n", encoding="utf-8")
        self.assert_ok(self.shell("cat .env/bin/tool"), "tool\n")

    def test_sockets_of_the_host_are_absent(self):
        path = self.work / "host.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            code = (
                "import socket\n"
                "for name in ('host.sock', '/run/docker.sock', '/run/dbus/system_bus_socket'):\n"
                "    try: socket.socket(socket.AF_UNIX).connect(name); print(name, 'connected')\n"
                "    except FileNotFoundError: pass\n"
            )
            self.assert_ok(self.python(code), "")
            self.assert_absent([path])
            self.assert_absent(["/mnt/w/host.sock"], flags=[f"--bind={self.work}:/mnt/w"])


class CreatingHiddenNamesTest(HomeTest):
    """Creating a hidden name inside works, and stays in the upper layer."""

    def test_directory(self):
        script = (
            "cd; mkdir .ssh && ls -A .ssh && echo mine >.ssh/id_ed25519 && cat .ssh/id_ed25519; "
            "ls -A .ssh; rm -r .ssh && ls -d .ssh 2>/dev/null || echo gone"
        )
        self.assert_ok(self.shell(script), "mine\nid_ed25519\ngone\n")
        self.assertEqual((self.home / ".ssh" / "id_ed25519").read_text(encoding="utf-8"), CANARY)

    def test_files(self):
        self.plant(self.work / ".env")
        script = (
            "set -C; echo A=1 >.env; cat .env; echo token >~/.npmrc; cat ~/.npmrc; "
            "echo x >y; mv y ~/.netrc; cat ~/.netrc; ln ~/.netrc z; cat z"
        )
        self.assert_ok(self.shell(script), "A=1\ntoken\nx\nx\n")
        self.assertEqual((self.work / ".env").read_text(encoding="utf-8"), CANARY)
        self.assertEqual((self.home / ".npmrc").read_text(encoding="utf-8"), CANARY)

    def test_inside_a_bind(self):
        self.plant(self.work / ".env")
        script = "echo mine >.env && cat .env; echo x >v; mv v .env.local; cat .env.local"
        self.assert_ok(self.shell(script, flags=["--bind", "."]), "mine\nx\n")
        self.assertEqual((self.work / ".env").read_text(encoding="utf-8"), CANARY)
        self.assertFalse((self.work / ".env.local").exists(), "it stays in the upper layer")

    def test_inside_a_bind_everything_works_with_them(self):
        self.plant(self.home / ".env")
        (self.home / "old").mkdir()
        script = (
            "set -e; list() { ls -A | grep -E '^([.]ssh|[.]env.*|old|plain|shown)$'; }; cd; "
            "mkdir .ssh; echo key >.ssh/id; list; ls -A .ssh; stat -c %s .ssh/id; "
            "echo a >.env; mv .env .env.local; ln .env.local .env; cat .env; "
            "stat -c %h .env; mv .env .ssh/; mv .ssh/.env plain; cat plain; rm .env.local; "
            "echo b >old/.env; rmdir old 2>/dev/null || echo full; mv old new; cat new/.env; "
            "rm new/.env; rmdir new; mv .ssh/id shown; rm -r .ssh; list"
        )
        out = ".ssh\nold\nid\n4\na\n2\na\nfull\nb\nplain\nshown\n"
        self.assert_ok(self.shell(script, flags=[f"--bind={self.home}"]), out)
        self.assertEqual((self.home / "plain").read_text(encoding="utf-8"), "a\n")
        self.assertEqual((self.home / "shown").read_text(encoding="utf-8"), "key\n")
        self.assertFalse((self.home / "new").exists())
        for name in (".env", ".ssh/id_ed25519", ".ssh/inner/key"):
            self.assertEqual((self.home / name).read_text(encoding="utf-8"), CANARY)

    def test_inside_a_bind_nothing_crosses_between_memory_and_host(self):
        for name in ("from", "to"):
            (self.home / name).mkdir()
        code = """
import ctypes, errno, os, socket
def fails(call, *words, **named):
    try:
        call(*words, **named)
        return 'worked'
    except OSError as error:
        return errno.errorcode[error.errno]
def exchange(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, a.encode(), -100, b.encode(), 2) != 0:
        raise OSError(ctypes.get_errno(), '')
os.chdir(os.path.expanduser('~'))
os.mkdir('.ssh')
for name in ('host', '.ssh/key', '.env', 'to/.env'):
    open(name, 'w').write(name)
print(fails(os.link, 'host', '.ssh/host'), fails(os.link, '.ssh/key', 'key'))
print(fails(os.rename, 'host', '.ssh/host'), fails(os.rename, '.ssh/key', 'key'))
print(fails(os.rename, '.ssh', 'ssh'), fails(os.rename, 'from', '.ssh/from'))
print(fails(exchange, 'host', '.env'), fails(exchange, '.env', '.ssh/key'))
print(fails(os.rename, 'from', 'to'), fails(os.rename, 'to', 'from'))
print(open('from/.env').read(), fails(os.rmdir, '.ssh'), fails(os.rename, '.env', 'from/.env'))
file = os.open('.ssh', os.O_TMPFILE | os.O_RDWR, 0o600)
files = os.open('/proc/self/fd', os.O_RDONLY)
print(fails(os.link, str(file), 'named', src_dir_fd=files))
print(fails(os.link, str(file), '.ssh/named', src_dir_fd=files))
server = socket.socket(socket.AF_UNIX)
server.bind('s')
os.rename('s', 't')
print(fails(os.link, 't', 'from/u'), fails(os.rename, 'from/u', '.ssh/u'), os.listdir('from'))
print(sorted(name for name in os.listdir('.') if len(name) < 5 or name == '.ssh'))
"""
        out = (
            "EXDEV EXDEV\nEXDEV EXDEV\nEXDEV EXDEV\nEXDEV EXDEV\nENOTEMPTY worked\n"
            "to/.env ENOTEMPTY worked\nEXDEV\nworked\nworked EXDEV ['.env', 'u']\n"
            "['.ssh', 'from', 'host', 't']\n"
        )
        self.assert_ok(self.python(code, flags=[f"--bind={self.home}"]), out)

    def test_inside_a_bind_they_are_counted_and_kept(self):
        self.plant(self.home / "below" / ".env")
        script = (
            "cd; mkdir .ssh; echo key >.ssh/id; echo mine >below/.env; mv below moved; "
            "ln moved/.env z 2>&1 | wc -l"
        )
        run = [f"--bind={self.home}", "--", "/bin/sh", "-c", script]
        result = self.ukrun(*run)
        self.assertEqual((result.status, result.out), (0, "1\n"), result)
        self.assertIn("3 files were discarded", result.err)
        (self.home / "moved").rename(self.home / "below")
        result = self.ukrun(f"--keep={self.root}/kept", *run)
        self.assertIn("3 files were saved", result.err)
        kept = f"{self.root}/kept{self.home}"
        with open(f"{kept}/moved/.env", encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine\n")
        with open(f"{kept}/.ssh/id", encoding="utf-8") as file:
            self.assertEqual(file.read(), "key\n")

    def test_socket_inside_a_bind(self):
        code = (
            "import os, socket\n"
            "server = socket.socket(socket.AF_UNIX); server.bind('s'); server.listen(1)\n"
            "client = socket.socket(socket.AF_UNIX); client.connect('s')\n"
            "print(os.listdir('.')); os.unlink('s'); print(os.listdir('.'))\n"
        )
        self.assert_ok(self.python(code, flags=["--bind", "."]), "['s']\n[]\n")

    def test_git_and_ssh_tools_cope(self):
        script = "git config --global user.name x && git config --global user.name"
        self.assert_ok(self.shell(script), "x\n")


class PatternsTest(UkrunTest):
    def setUp(self):
        super().setUp()
        (self.work / "deep").mkdir()
        for name in ("a.pem", "deep/b.pem", "c.txt", ".env"):
            (self.work / name).write_text(f"{name}\n", encoding="utf-8")
        (self.home / ".ssh").mkdir()
        (self.home / ".ssh" / "config").write_text("config\n", encoding="utf-8")
        (self.home / ".netrc").write_text("netrc\n", encoding="utf-8")

    def test_hide_by_name(self):
        result = self.shell("ls; ls deep; cat a.pem", flags=["--hide", "*.pem"])
        self.assertEqual(result.out, "c.txt\ndeep\n")
        self.assertIn("No such file", result.err)

    def test_hide_by_path(self):
        flags = [f"--hide={self.work}/deep", "--hide", self.work / "c.txt"]
        self.assert_ok(self.shell("ls", flags=flags), "a.pem\n")

    def test_hide_below_the_home(self):
        (self.home / "private").mkdir()
        self.assert_ok(self.shell("ls ~", flags=["--hide", "~/private"]), "")

    def test_unhide_by_name(self):
        self.assert_ok(self.shell("cat .env", flags=["--unhide", ".env"]), ".env\n")

    def test_unhide_by_path(self):
        flags = ["--unhide", self.home / ".ssh"]
        self.assert_ok(self.shell("cat ~/.ssh/config; ls ~/.netrc 2>&1 | wc -l", flags=flags),
                       "config\n1\n")
        self.assert_ok(self.shell("cat ~/.ssh/config", flags=["--unhide=~/.ssh"]), "config\n")

    def test_unhide_leaves_the_rest_hidden(self):
        result = self.shell("cat .env; cat ~/.netrc", flags=["--unhide", "~/.ssh"])
        self.assertEqual(result.out, "")

    def test_hide_is_stronger_than_unhide(self):
        flags = ["--unhide", ".env", "--hide", ".env"]
        self.assertEqual(self.shell("cat .env", flags=flags).out, "")

    def test_empty_patterns_are_refused(self):
        for flag in ("--hide", "--unhide"):
            with self.subTest(flag=flag):
                self.assert_own_failure(self.ukrun(flag, "", "--", "true"), flag)


class HostSystemsTest(UkrunTest):
    """The host's /proc, /sys and /dev are absent: the guest has its own."""

    def test_processes_of_the_host_are_absent(self):
        result = self.shell("ls /proc | grep -c '^[0-9]'; cat /proc/1/cmdline /proc/*/environ")
        self.assertLess(int(result.out.splitlines()[0]), 8)
        script = f"ls -d /proc/{os.getpid()}/cwd; kill -0 {os.getpid()}"
        if os.getpid() > 100:
            self.assertNotEqual(self.shell(script).status, 0)

    def test_devices_of_the_host_are_absent(self):
        result = self.guest("ls", "/dev")
        self.assert_ok(result)
        allowed = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random",
                   "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
        self.assertLessEqual(set(result.out.split()), allowed)

    def test_kernel_interfaces_are_absent(self):
        # Some are there, with nothing in them.
        paths = ("/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/sysrq-trigger",
                 "/proc/keys", "/sys/kernel/vmcoreinfo")
        script = 'for path; do head -c 99 "$path" 2>/dev/null; done; true'
        self.assert_ok(self.guest("/bin/sh", "-c", script, "sh", *paths), "")

    def test_control_group_holds_the_guests_processes_only(self):
        result = self.shell("cat /sys/fs/cgroup/cgroup.procs; echo; ls /proc")
        inside, _, names = result.out.partition("\n\n")
        pids = {name for name in names.split() if name.isdigit()}
        self.assertLessEqual(set(inside.split()) - pids, {"2"}, "2 was cat")
        self.assertIn("1", inside.split())

    def test_descriptors_of_the_caller_are_absent(self):
        with open("/etc/passwd", encoding="utf-8") as file:
            os.set_inheritable(file.fileno(), True)
            result = self.guest("ls", "/proc/self/fd", close_fds=False)
        self.assert_ok(result, "0\n1\n2\n3\n")

    def test_links_in_proc_lead_nowhere_outside(self):
        self.assert_ok(self.shell("readlink /proc/self/root /proc/self/cwd"), f"/\n{self.work}\n")
        result = self.shell("ls /proc/1/root/proc/ | grep -c '^[0-9]'")
        self.assertLess(int(result.out or 0), 8)


if __name__ == "__main__":
    unittest.main()
