"""What --strace prints, subject by subject. test_information.py has its outlines."""

import re

from support import UkrunTest

LINE = re.compile(
    r"\[\d+\] (\w+\(.*\) = (\?|-?\d|0x).*|\w+\(.* <unfinished \.\.\.>|--- .* ---|\+\+\+ .* \+\+\+)"
)


class StraceCase(UkrunTest):
    def trace(self, *command, status=0):
        """The lines of a command's trace."""
        file = self.work / "trace"
        result = self.guest(*command, flags=[f"--strace={file}"])
        self.assertEqual(result.status, status, result)
        return file.read_text(encoding="utf-8")

    def trace_python(self, code, status=0):
        return self.trace("/usr/bin/python3", "-S", "-c", code, status=status)

    def assert_lines(self, text, *lines):
        """Each pattern is what a line says behind its [tid]."""
        for line in lines:
            self.assertRegex(text, rf"(?m)^\[\d+\] {line}$")


class ArgumentsTest(StraceCase):
    def test_programs_and_their_arguments(self):
        text = self.trace("/bin/sh", "-c", "/bin/echo 'a\"b' c; true")
        self.assert_lines(
            text,
            r'execve\("/bin/sh", \["/bin/sh", "-c", .*\], \[/\* \d+ vars \*/\]\) = 0',
            r'execve\("/bin/echo", \["/bin/echo", "a\\"b", "c"\], 0x\w+ /\* \d+ vars \*/\) = 0',
        )

    def test_files(self):
        text = self.trace_python(
            "import os\n"
            "f = os.open('/tmp/f', os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)\n"
            "os.pwritev(f, [b'ab\\n', b'\\x1b[31m'], 0)\n"
            "os.pread(f, 100, 0); os.lseek(f, 0, os.SEEK_END); os.fstat(f); os.ftruncate(f, 5)\n"
            "os.rename('/tmp/f', '/tmp/g'); os.chmod('/tmp/g', 0o604); os.access('/tmp/g', 6)\n"
            "os.symlink('g', '/tmp/l'); os.readlink('/tmp/l'); os.mkdir('/tmp/d', 0o711)\n"
            "os.utime('/tmp/g', (1, 2)); os.umask(0o27); os.unlink('/tmp/l')\n"
        )
        self.assert_lines(
            text,
            r'openat\(AT_FDCWD, "/tmp/f", O_RDWR\|O_CREAT\|O_EXCL\|O_CLOEXEC, 0640\) = \d+',
            r'pwritev2?\(\d+, \[\{iov_base="ab\\n", iov_len=3\}, '
            r'\{iov_base="\\33\[31m", iov_len=5\}\], 2, 0(, 0, 0)?\) = 8',
            r'pread64\(\d+, "ab\\n\\33\[31m", 100, 0\) = 8',
            r"lseek\(\d+, 0, SEEK_END\) = 8",
            r"(newfstatat|fstat)\(\d+, .*\{st_mode=S_IFREG\|0640, st_size=8, \.\.\.\}.*\) = 0",
            r'rename\("/tmp/f", "/tmp/g"\) = 0',
            r'chmod\("/tmp/g", 0604\) = 0',
            r'access\("/tmp/g", R_OK\|W_OK\) = 0',
            r'readlink\("/tmp/l", "g", \d+\) = 1',
            r'mkdir\("/tmp/d", 0711\) = 0',
            r'utimensat\(AT_FDCWD, "/tmp/g", \[\{tv_sec=1, tv_nsec=0\}, '
            r"\{tv_sec=2, tv_nsec=0\}\], 0\) = 0",
            r"umask\(027\) = 022",
        )

    def test_an_argument_that_is_not_there_is_left_out(self):
        text = self.trace_python("import os, fcntl; os.open('/', 0); fcntl.fcntl(0, fcntl.F_GETFL)")
        self.assert_lines(
            text,
            r'openat\(AT_FDCWD, "/", O_RDONLY\|O_CLOEXEC\) = \d+',
            r"fcntl\(0, F_GETFL\) = (0|0x\w+) \(flags O_RD.*\)",
            r"getpid\(\) = \d+|gettid\(\) = \d+|getuid\(\) = \d+",
        )

    def test_what_a_failed_call_has_not_filled_is_an_address(self):
        text = self.trace_python("import os\ntry: os.stat('/nonexistent')\nexcept OSError: pass")
        self.assert_lines(text, r'newfstatat\(AT_FDCWD, "/nonexistent", 0x\w+, 0\) = -1 ENOENT.*')

    def test_what_is_not_served_says_so(self):
        text = self.trace_python(
            "import ctypes\n"
            "c = ctypes.CDLL(None)\n"
            "c.syscall(165, b'a', b'/', b'tmpfs', 0, 0); c.syscall(999, 1)\n"
        )
        self.assert_lines(
            text,
            r'mount\("a", "/", "tmpfs", 0, NULL\) = -1 EPERM \(refused: .*\)',
            r"syscall_0x3e7\(0x1, .*\) = -1 ENOSYS \(not implemented\)",
        )

    def test_sockets(self):
        text = self.trace_python(
            "import socket, array\n"
            "a, b = socket.socketpair()\n"
            "rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1, 2]))\n"
            "a.sendmsg([b'hi'], [rights]); b.recvmsg(9, 99); a.send(b'x'); b.recv(9)\n"
            "s = socket.socket(socket.AF_UNIX); s.bind('/tmp/s'); s.listen(5)\n"
            "c = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)\n"
            "c.connect('/tmp/s'); s.accept(); c.getpeername()\n"
            "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
            "a.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12); c.shutdown(socket.SHUT_WR)\n"
            "try: socket.socket(socket.AF_INET)\n"
            "except OSError: pass\n"
        )
        self.assert_lines(
            text,
            r"socketpair\(AF_UNIX, SOCK_STREAM\|SOCK_CLOEXEC, 0, \[\d+, \d+\]\) = 0",
            r'sendmsg\(\d+, \{msg_name=NULL, msg_namelen=0, msg_iov=\[\{iov_base="hi", '
            r"iov_len=2\}\], msg_iovlen=1, msg_control=\[\{cmsg_len=24, cmsg_level=SOL_SOCKET, "
            r"cmsg_type=SCM_RIGHTS, cmsg_data=\[1, 2\]\}\], msg_controllen=24, msg_flags=0\}, "
            r"0\) = 2",
            r'recvmsg\(\d+, .*msg_iov=\[\{iov_base="hi", iov_len=9\}\].*SCM_RIGHTS.*\) = 2',
            r'sendto\(\d+, "x", 1, 0, NULL, 0\) = 1',
            r'recvfrom\(\d+, "x", 9, 0, NULL, NULL\) = 1',
            r'bind\(\d+, \{sa_family=AF_UNIX, sun_path="/tmp/s"\}, 9\) = 0',
            r"socket\(AF_UNIX, SOCK_STREAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK, 0\) = \d+",
            r'connect\(\d+, \{sa_family=AF_UNIX, sun_path="/tmp/s"\}, 9\) = 0',
            r"accept4\(\d+, \{sa_family=AF_UNIX\}, \[\d+\] => \[2\], SOCK_CLOEXEC\) = \d+",
            r'getpeername\(\d+, \{sa_family=AF_UNIX, sun_path="/tmp/s"\}, \[\d+\] => \[9\]\) = 0',
            r"setsockopt\(\d+, SOL_SOCKET, SO_REUSEADDR, \[1\], 4\) = 0",
            r"getsockopt\(\d+, SOL_SOCKET, SO_PEERCRED, \{pid=\d+, uid=\d+, gid=\d+\}, "
            r"\[12\]\) = 0",
            r"shutdown\(\d+, SHUT_WR\) = 0",
            r"socket\(AF_INET, SOCK_STREAM\|SOCK_CLOEXEC, IPPROTO_IP\) = .*",
        )

    def test_waiting_for_several(self):
        text = self.trace_python(
            "import os, select\n"
            "r, w = os.pipe(); os.write(w, b'x')\n"
            "p = select.poll(); p.register(r, select.POLLIN); p.poll(1000)\n"
            "select.select([r], [w], [], 1)\n"
            "e = select.epoll(); e.register(r, select.EPOLLIN | select.EPOLLET); e.poll(1)\n"
        )
        self.assert_lines(
            text,
            r"poll\(\[\{fd=\d+, events=POLLIN, revents=POLLIN\}\], 1, 1000\) = 1",
            r"p?select6?\(\d+, \[\d+\], \[\d+\], NULL, \{tv_sec=1, tv_[un]sec=0\}.*\) = 2",
            r"epoll_ctl\(\d+, EPOLL_CTL_ADD, \d+, \{events=EPOLLIN\|EPOLLET, data=0x\w+\}\) = 0",
            r"epoll_wait\(\d+, \[\{events=EPOLLIN, data=0x\w+\}\], \d+, 1000\) = 1",
        )

    def test_threads_and_futexes(self):
        text = self.trace_python(
            "import threading, time\n"
            "t = threading.Thread(target=time.sleep, args=[0.01]); t.start(); t.join()\n"
        )
        self.assert_lines(
            text,
            r"clone3?\(.*CLONE_VM\|CLONE_FS\|CLONE_FILES\|CLONE_SIGHAND\|CLONE_THREAD.*\) = \d+",
            r"futex\(0x\w+, FUTEX_WAKE_PRIVATE, 1\) = \d+",
            r"futex\(0x\w+, FUTEX_WAIT_BITSET_PRIVATE\|FUTEX_CLOCK_REALTIME, .*, "
            r"FUTEX_BITSET_MATCH_ANY\) = .*",
            r"clock_nanosleep\(CLOCK_MONOTONIC, TIMER_ABSTIME, \{tv_sec=\d+, tv_nsec=\d+\}, "
            r"NULL\) = 0",
            r"exit\(0\) = \?",
        )

    def test_terminals(self):
        text = self.trace_python(
            "import os, fcntl, termios\n"
            "m, s = os.openpty()\n"
            "fcntl.ioctl(s, termios.TIOCSWINSZ, b'\\x18\\0\\x50\\0\\0\\0\\0\\0')\n"
            "fcntl.ioctl(s, termios.TIOCGWINSZ, bytes(8))\n"
            "fcntl.ioctl(s, termios.FIONREAD, bytes(4))\n"
            "termios.tcsetattr(s, termios.TCSANOW, termios.tcgetattr(s))\n"
        )
        size = r"\{ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0\}"
        modes = r"\{c_iflag=ICRNL\|IXON, c_oflag=OPOST\|ONLCR, .*c_lflag=ISIG\|ICANON\|ECHO.*\}"
        self.assert_lines(
            text,
            rf"ioctl\(\d+, TIOCSWINSZ, {size}\) = 0",
            rf"ioctl\(\d+, TIOCGWINSZ, {size}\) = 0",
            r"ioctl\(\d+, FIONREAD, \[0\]\) = 0",
            rf"ioctl\(\d+, TCGETS, {modes}\) = 0",
            rf"ioctl\(\d+, TCSETS, {modes}\) = 0",
        )


class SignalsTest(StraceCase):
    def test_delivery(self):
        text = self.trace_python(
            "import os, signal\n"
            "signal.signal(signal.SIGUSR1, lambda *a: None)\n"
            "os.kill(os.getpid(), signal.SIGUSR1)\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])\n"
            "os.kill(os.getpid(), signal.SIGUSR2); signal.sigwait([signal.SIGUSR2])\n"
        )
        self.assert_lines(
            text,
            r"rt_sigaction\(SIGUSR1, \{sa_handler=0x\w+, sa_mask=\[\], sa_flags=SA_RESTORER.*\}, "
            r"\{sa_handler=SIG_DFL, sa_mask=\[\], sa_flags=0\}, 8\) = 0",
            r"kill\(1, SIGUSR1\) = 0",
            r"--- SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_USER, si_pid=1, si_uid=\d+\} ---",
            r"rt_sigreturn\(\{mask=\[\]\}\) = 0",
            r"rt_sigprocmask\(SIG_BLOCK, \[USR2\], \[\], 8\) = 0",
            r"rt_sigtimedwait\(\[USR2\], .*\) = 12",
        )

    def test_interrupted_calls(self):
        text = self.trace_python(
            "import signal, time\n"
            "signal.signal(signal.SIGALRM, lambda *a: None)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.1)\n"
        )
        self.assert_lines(
            text,
            r"setitimer\(ITIMER_REAL, \{it_interval=\{tv_sec=0, tv_usec=0\}, "
            r"it_value=\{tv_sec=0, tv_usec=50000\}\}, .*\) = 0",
            r"clock_nanosleep\(.*\) = \? ERESTARTNOHAND \(.*\)",
            r"rt_sigreturn\(\{mask=\[\]\}\) = -1 EINTR",
        )

    def test_ends_of_processes(self):
        text = self.trace("/bin/bash", "-c", "(exit 4); (kill -SEGV $BASHPID); (kill -9 $BASHPID); "
                          "exit 3", status=3)
        self.assert_lines(
            text,
            r"\+\+\+ exited with 4 \+\+\+",
            r"\+\+\+ killed by SIGSEGV( \(core dumped\))? \+\+\+",
            r"\+\+\+ killed by SIGKILL \+\+\+",
            r"wait4\(-1, \[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 4\}\], .*\) = \d+",
            r"wait4\(-1, \[\{WIFSIGNALED\(s\) && WTERMSIG\(s\) == SIGSEGV.*\}\], .*\) = \d+",
            r"--- SIGCHLD \{si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=\d+, si_uid=\d+, "
            r"si_status=SIGKILL.*\} ---",
            r"exit_group\(3\) = \?",
            r"\+\+\+ exited with 3 \+\+\+",
        )

    def test_command_that_is_not_there_has_no_trace(self):
        self.assertEqual(self.trace("no-such-command", status=127), "")

    def test_stops(self):
        text = self.trace_python(
            "import os, signal\n"
            "pid = os.fork()\n"
            "if pid == 0: os.kill(os.getpid(), signal.SIGSTOP); os._exit(0)\n"
            "os.waitpid(pid, os.WUNTRACED); os.kill(pid, signal.SIGCONT); os.waitpid(pid, 0)\n"
        )
        self.assert_lines(
            text,
            r"--- stopped by SIGSTOP ---",
            r"wait4\(\d+, \[\{WIFSTOPPED\(s\) && WSTOPSIG\(s\) == SIGSTOP\}\], WUNTRACED, "
            r"NULL\) = \d+",
        )

    def test_faults(self):
        text = self.trace_python("import ctypes; ctypes.string_at(8)", status=128 + 11)
        self.assert_lines(
            text,
            r"--- SIGSEGV \{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x8\} ---",
            r"\+\+\+ killed by SIGSEGV.* \+\+\+",
        )


class WaitingTest(StraceCase):
    def test_call_that_hangs_is_named(self):
        file = self.work / "trace"
        result = self.guest("/bin/sleep", "600", flags=[f"--strace={file}", "--timeout=1s"])
        self.assertEqual(result.status, 124, result)
        self.assert_lines(
            file.read_text(encoding="utf-8"),
            r"clock_nanosleep\(CLOCK_REALTIME, 0, \{tv_sec=600, tv_nsec=0\}, 0x\w+ "
            r"<unfinished \.\.\.>",
        )

    def test_call_that_returns_soon_has_one_line(self):
        self.assertNotIn("unfinished", self.trace("/bin/sleep", "0.05"))


class HostileTest(StraceCase):
    def test_every_line_is_whole(self):
        # Strings of all bytes in every place that is shown, from two processes at once.
        code = (
            "import os, socket\n"
            "data = bytes(range(256)) * 40 + b'\\n[1] exit_group(0) = ?\\n'\n"
            "name = data.replace(b'\\0', b'').replace(b'/', b'')\n"
            "child = os.fork()\n"
            "r, w = os.pipe2(os.O_NONBLOCK)\n"
            "for i in range(20):\n"
            "  for call in (lambda: os.write(w, data), lambda: os.writev(w, [data] * 40),\n"
            "               lambda: os.rename(name, name), lambda: os.read(r, 9999),\n"
            "               lambda: os.execv(name, [name[:2000]] * 60),\n"
            "               lambda: os.setxattr('/tmp', b'user.' + name[:80], data),\n"
            "               lambda: socket.socket(socket.AF_UNIX).bind(b'\\0' + data[:90])):\n"
            "    try: call()\n"
            "    except OSError: pass\n"
            "if child: os.wait()\n"
        )
        text = self.trace_python(code)
        for line in text.splitlines():
            self.assertLess(len(line), 4096)
            self.assertTrue(line.isascii() and line.isprintable(), repr(line))
            self.assertRegex(line, LINE)
        exits = re.findall(r"(?m)^\[\d+\] exit_group\(0\) = \?$", text)
        self.assertEqual(len(exits), 2)

    def test_any_pointer_can_be_given(self):
        # A child for each call, since some end, stop or change it. Left out are those that
        # would do so to others.
        code = (
            "import ctypes, os, signal\n"
            "c = ctypes.CDLL(None)\n"
            "c.mmap.restype = ctypes.c_void_p\n"
            "edge = c.mmap(None, ctypes.c_size_t(8192), 3, 0x22, -1, ctypes.c_long(0)) + 4096\n"
            "c.munmap(ctypes.c_void_p(edge), ctypes.c_size_t(4096))\n"
            "values = [edge - 3, edge - 16, 0x570000000000, 1 << 63, (1 << 64) - 8]\n"
            "counts = [0, 7, 1 << 31, (1 << 64) - 1]\n"
            "others = {56, 57, 58, 62, 129, 200, 234, 297, 424, 435}\n"
            "for n in {*range(335), *range(425, 460)} - others:\n"
            "  if os.fork() == 0:\n"
            "    signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
            "    for v in values:\n"
            "      for k in counts:\n"
            "        c.syscall(*map(ctypes.c_ulong, (n, v, v, k, v, k, v)))\n"
            "        c.syscall(*map(ctypes.c_ulong, (n, k & 7, v, k, v, v, k)))\n"
            "    os._exit(0)\n"
            "  os.wait()\n"
            "print('alive')\n"
        )
        file = self.work / "trace"
        result = self.python(code, flags=[f"--strace={file}"])
        self.assertEqual((result.status, result.out), (0, "alive\n"), result)
