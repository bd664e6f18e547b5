#!/usr/bin/python3
"""Child processes: pipes, time-outs, signals, environments, sessions, descriptors."""

import os
import signal
import subprocess
import sys
import tempfile
import time

PYTHON = "/usr/bin/python3"


def run_and_capture():
    done = subprocess.run(["echo", "hello"], capture_output=True, text=True, check=True)
    print("stdout:", done.stdout.strip(), done.returncode)
    done = subprocess.run("echo out; echo err >&2; exit 3", shell=True, capture_output=True)
    print("all three:", done.stdout, done.stderr, done.returncode)
    print("check_output:", subprocess.check_output(["cat"], input=b"fed through a pipe"))
    try:
        subprocess.run(["/nonexistent"], check=True)
    except FileNotFoundError as error:
        print("missing:", error.strerror)
    try:
        subprocess.run(["/etc/passwd"], check=True)
    except PermissionError as error:
        print("not a program:", error.strerror)
    try:
        subprocess.run(["true"], cwd="/nonexistent", check=True)
    except FileNotFoundError as error:
        print("missing directory:", error.filename)


def move_much_data():
    """More than a pipe holds, both ways at once."""
    data = os.urandom(4 << 20)
    done = subprocess.run(["cat"], input=data, capture_output=True, check=True)
    print("4 MiB came back:", done.stdout == data)


def build_a_pipeline():
    producer = subprocess.Popen(["seq", "50000"], stdout=subprocess.PIPE)
    filtered = subprocess.Popen(["grep", "7"], stdin=producer.stdout, stdout=subprocess.PIPE)
    producer.stdout.close()
    counted = subprocess.run(["wc", "-l"], stdin=filtered.stdout, capture_output=True, check=True)
    filtered.stdout.close()
    print("pipeline:", counted.stdout.strip().decode(), producer.wait(), filtered.wait())
    endless = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    endless.stdout.read(10)
    endless.stdout.close()
    print("SIGPIPE:", endless.wait())


def time_out_and_kill():
    try:
        subprocess.run(["sleep", "60"], timeout=0.3, check=True)
    except subprocess.TimeoutExpired:
        print("timed out")
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        child = subprocess.Popen(["sleep", "60"])
        child.send_signal(number)
        print(number.name, child.wait())
    child = subprocess.Popen(["sleep", "60"])
    child.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    print("stopped:", os.WIFSTOPPED(status), os.WSTOPSIG(status) == signal.SIGSTOP)
    child.send_signal(signal.SIGCONT)
    _, status = os.waitpid(child.pid, os.WCONTINUED)
    print("continued:", os.WIFCONTINUED(status))
    print("still running:", child.poll())
    child.kill()
    print("killed:", child.wait())


def shape_the_child():
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(["pwd"], cwd=directory, capture_output=True, text=True, check=True)
        print("cwd:", done.stdout.strip() == directory)
    done = subprocess.run(["/usr/bin/env"], env={"ONLY": "this"}, capture_output=True, check=True)
    print("env:", done.stdout)
    code = "import os; print(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())"
    subprocess.run([PYTHON, "-c", code], start_new_session=True, check=True)
    code = "import os; os.umask(0o77) == 0o27 and print('umask arrived')"
    subprocess.run([PYTHON, "-c", code], umask=0o27, check=True)
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (77, 77))

    subprocess.run([PYTHON, "-c", code], preexec_fn=limit, check=True)


def pass_descriptors():
    reader, writer = os.pipe()
    code = f"import os; os.write({writer}, b'through an inherited descriptor')"
    subprocess.run([PYTHON, "-c", code], pass_fds=(writer,), check=True)
    os.close(writer)
    print(os.read(reader, 100).decode())
    print("end of file:", os.read(reader, 100))
    os.close(reader)
    done = subprocess.run(["ls", "/proc/self/fd"], capture_output=True, text=True, check=True)
    print("descriptors of a child:", done.stdout.split())
    with open("merged.txt", "wb") as merged:
        subprocess.run("echo a; echo b >&2", shell=True, stdout=merged, stderr=merged, check=True)
    with open("merged.txt", encoding="utf-8") as merged:
        print("merged:", merged.read().split())


def spawn_otherwise():
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], os.environ)
    print("posix_spawn:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print("system:", os.waitstatus_to_exitcode(os.system("exit 6")))
    with os.popen("echo popen") as pipe:
        print(pipe.read().strip())
    pid = os.fork()
    if pid == 0:
        os.execvpe("sh", ["sh", "-c", 'exit "$CODE"'], {**os.environ, "CODE": "8"})
    print("fork and exec:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError as error:
        print("no children left:", error.strerror)


def leave_an_orphan():
    """A grandchild whose parent died is adopted, and reaped when it ends."""
    code = (
        "import os, time\n"
        "parent = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    time.sleep(0.3)\n"
        "    open('orphan', 'w').write(f'{parent} {os.getppid()}')\n"
    )
    child = subprocess.run([PYTHON, "-c", code], check=True)
    for _ in range(200):
        if os.path.exists("orphan") and os.path.getsize("orphan"):
            break
        time.sleep(0.05)
    with open("orphan", encoding="utf-8") as file:
        before, after = file.read().split()
    print("the orphan has another parent:", before != after, child.returncode)


def main():
    for step in (
        run_and_capture,
        move_much_data,
        build_a_pipeline,
        time_out_and_kill,
        shape_the_child,
        pass_descriptors,
        spawn_otherwise,
        leave_an_orphan,
    ):
        print("==", step.__name__.replace("_", " "))
        sys.stdout.flush()
        step()


sys.stdout.reconfigure(line_buffering=True)
main()
