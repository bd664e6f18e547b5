#!/usr/bin/python3
"""Signals from Python: handlers, masks, timers, waits, wake-up descriptors, faults."""

import errno
import os
import select
import signal
import subprocess
import sys
import threading
import time


def show(*words):
    print(*words, flush=True)


def handle():
    caught = []
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGTERM, signal.SIGRTMIN):
        signal.signal(number, lambda n, _: caught.append(n))
        os.kill(os.getpid(), number)
    show("caught:", caught == [10, 12, 1, 15, 34])
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR1)
    show("ignored:", len(caught))
    try:
        signal.signal(signal.SIGKILL, signal.SIG_IGN)
    except OSError as error:
        show("SIGKILL:", errno.errorcode[error.errno])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        show("KeyboardInterrupt")


def mask():
    caught = []
    signal.signal(signal.SIGUSR1, lambda n, _: caught.append(n))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGUSR1)
    show("blocked:", caught, signal.sigpending() == {signal.SIGUSR1})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    show("delivered once:", caught)
    realtime = signal.SIGRTMIN + 3
    signal.signal(realtime, lambda n, _: caught.append(n))
    signal.pthread_sigmask(signal.SIG_BLOCK, [realtime])
    for _ in range(3):
        os.kill(os.getpid(), realtime)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [realtime])
    show("real-time signals queue:", caught.count(realtime) >= 1)


def wait_for_one():
    wanted = {signal.SIGUSR2, signal.SIGRTMIN + 1}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    show("in time:", signal.sigtimedwait(wanted, 0.1))
    os.kill(os.getpid(), signal.SIGUSR2)
    information = signal.sigwaitinfo(wanted)
    show("from us:", information.si_signo == signal.SIGUSR2, information.si_pid == os.getpid())
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGRTMIN + 1)
    queued = [signal.sigtimedwait(wanted, 0.1) for _ in range(4)]
    show("queued:", [item.si_signo - signal.SIGRTMIN if item else None for item in queued])
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR2)).start()
    show("sigwait:", signal.sigwait(wanted).name)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, wanted)


def use_timers():
    ticks = []
    signal.signal(signal.SIGALRM, lambda n, _: ticks.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    while len(ticks) < 10:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
    show("ten ticks:", ticks == sorted(ticks), ticks[9] - ticks[0] > 0.1)
    signal.alarm(1)
    started = time.monotonic()
    time.sleep(1.5)
    show("sleep goes on after a handler:", time.monotonic() - started >= 1.5, len(ticks) >= 11)
    signal.signal(signal.SIGVTALRM, lambda n, _: ticks.clear())
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)
    while ticks:
        pass
    show("the virtual timer counts processor time")


def interrupt_calls():
    reader, writer = os.pipe()
    signal.signal(signal.SIGALRM, lambda n, _: os.write(writer, b"written by the handler"))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    show("read was restarted:", os.read(reader, 100))

    def raise_timeout(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, raise_timeout)
    for name, call in (
        ("read", lambda: os.read(reader, 1)),
        ("select", lambda: select.select([reader], [], [], 30)),
        ("sleep", lambda: time.sleep(30)),
        ("wait", lambda: subprocess.run(["sleep", "0.5"], check=True) and time.sleep(30)),
        ("lock", lambda: threading.Lock().acquire() and time.sleep(30)),
    ):
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            call()
            show(name, "wasn't interrupted")
        except TimeoutError:
            show(name, "was interrupted")


def wake_by_descriptor():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    readable, _, _ = select.select([reader], [], [], 30)
    show("wake-up:", bool(readable), os.read(reader, 1)[0] == signal.SIGUSR1)
    signal.set_wakeup_fd(previous)


def signal_threads():
    seen = []
    signal.signal(signal.SIGUSR2, lambda *_: seen.append(threading.current_thread().name))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="other")
    thread.start()
    signal.pthread_kill(thread.ident, signal.SIGUSR2)
    time.sleep(0.1)
    show("handlers run in the main thread:", seen)
    stop.set()
    thread.join()


DEATHS = {
    "null": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
    "write to a read-only page": """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 1, 0x22, -1, 0)
ctypes.memset(page, 1, 1)
""",
    "past the end of a file": """
import mmap
file = open("short", "w+b")
file.write(b"x")
file.flush()
mapped = mmap.mmap(file.fileno(), 1)
file.truncate(0)
mapped[0]
""",
    "processor time": """
resource.setrlimit(resource.RLIMIT_CPU, (1, 5))
while True:
    pass
""",
    "file size": """
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
file = os.open("big", os.O_CREAT | os.O_WRONLY)
os.write(file, b"x" * 10)
os.write(file, b"x")
""",
    "exit": "raise SystemExit(7)",
}
NO_CORE = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"


def run_python(code, *flags):
    command = [sys.executable, *flags, "-c", NO_CORE + code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def see_deaths():
    for name, code in DEATHS.items():
        status = run_python(code).returncode
        show(name + ":", signal.Signals(-status).name if status < 0 else status)
    done = run_python(DEATHS["null"], "-X", "faulthandler")
    show("a handler saw it:", "Segmentation fault" in done.stderr, done.returncode)


def main():
    for step in (
        handle,
        mask,
        wait_for_one,
        use_timers,
        interrupt_calls,
        wake_by_descriptor,
        signal_threads,
        see_deaths,
    ):
        show("==", step.__name__.replace("_", " "))
        step()


main()
