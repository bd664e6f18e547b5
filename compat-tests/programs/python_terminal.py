#!/usr/bin/python3
"""Pseudo-terminals made inside: modes, echo, window size, signals from keys, sessions."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
import tty


def show(*words):
    print(*words, flush=True)


def read_until(master, wanted, seconds=20):
    """Everything the terminal says until `wanted` was seen."""
    data = b""
    deadline = time.monotonic() + seconds
    while wanted not in data and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                data += os.read(master, 4096)
            except OSError:
                break
    return data


def use_modes():
    master, slave = pty.openpty()
    named = os.ttyname(slave).startswith("/dev/pts/")
    show("terminals:", os.isatty(master), os.isatty(slave), named)
    os.write(master, b"typed\n")
    show("canonical:", os.read(slave, 100), "echo:", read_until(master, b"\n"))
    os.write(master, b"mistake\x7f\x7f\x15right\n")
    show("edited:", os.read(slave, 100))
    read_until(master, b"right\r\n")
    os.write(slave, b"line\n")
    show("newline becomes:", read_until(master, b"\n"))
    os.write(master, b"end\x04\x04")
    show("end of file:", os.read(slave, 100), os.read(slave, 100))
    tty.setraw(slave)
    read_until(master, b"end")
    os.write(master, b"a\x03\r")
    time.sleep(0.1)
    show("raw:", os.read(slave, 100))
    attributes = termios.tcgetattr(slave)
    attributes[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(slave, termios.TCSADRAIN, attributes)
    show("restored:", bool(termios.tcgetattr(slave)[3] & termios.ECHO))
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    show("size:", struct.unpack("HHHH", fcntl.ioctl(master, termios.TIOCGWINSZ, bytes(8))))
    os.close(slave)
    os.close(master)


def run_in_terminal(command):
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    return pid, master


def use_keys():
    script = "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    pid, master = run_in_terminal(["sh", "-c", script])
    read_until(master, b"ready")
    os.write(master, b"\x03")
    said = b"interrupted" in read_until(master, b"interrupted")
    show("Ctrl-C:", said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(master)
    pid, master = run_in_terminal(["sh", "-c", "echo ready; read x; stty size"])
    read_until(master, b"ready")
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(master, b"go\n")
    show("stty:", b"33 77" in read_until(master, b"33 77"), os.waitpid(pid, 0)[1])
    os.close(master)
    pid, master = run_in_terminal(["sleep", "60"])
    time.sleep(0.2)
    os.close(master)
    show("hang-up:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGHUP)


def use_job_control():
    """An interactive bash stops, lists, resumes and interrupts a job."""
    pid, master = run_in_terminal(["bash", "--norc", "--noprofile", "-i"])
    os.write(master, b"PS1='ready''> '; bind 'set enable-bracketed-paste off'\n")
    read_until(master, b"ready> ")
    os.write(master, b"sleep 100\n")
    read_until(master, b"sleep 100\r\n")
    time.sleep(0.3)
    os.write(master, b"\x1a")
    show("Ctrl-Z:", b"Stopped" in read_until(master, b"ready> "))
    os.write(master, b"jobs\n")
    show("jobs:", b"Stopped" in read_until(master, b"ready> "))
    os.write(master, b"fg\n")
    read_until(master, b"sleep 100\r\n")
    time.sleep(0.3)
    os.write(master, b"\x03")
    read_until(master, b"ready> ")
    os.write(master, b"echo status $?\n")
    show("Ctrl-C after fg:", b"status 130" in read_until(master, b"status 130"))
    os.write(master, b"cat | cat &\n")
    read_until(master, b"ready> ")
    os.write(master, b"\n")
    time.sleep(0.3)
    os.write(master, b"jobs\n")
    show("a reader in the background stops:", b"Stopped" in read_until(master, b"Stopped"))
    os.write(master, b"kill -9 %1; disown -a; exit 3\n")
    show("left:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(master)


def main():
    for step in (use_modes, use_keys, use_job_control):
        show("==", step.__name__.replace("_", " "))
        step()
    try:
        os.open("/dev/tty", os.O_RDWR)
        show("a controlling terminal")
    except OSError:
        show("no controlling terminal of our own")
    sys.exit(0)


main()
