#!/usr/bin/python3
"""Files from Python: tempfile, mmap, locks, links, scandir, shutil, stat, sendfile, memfd."""

import errno
import fcntl
import mmap
import os
import pathlib
import select
import shutil
import stat
import sys
import tempfile


def refused(call, *arguments, **named):
    """The name of the errno that a call fails with."""
    try:
        call(*arguments, **named)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "it worked"


def use_tempfile():
    with tempfile.TemporaryFile() as file:
        file.write(b"nameless")
        file.seek(0)
        print("temporary:", file.read(), os.fstat(file.fileno()).st_nlink)
    with tempfile.NamedTemporaryFile(dir=".") as file:
        path = pathlib.Path(file.name)
        print("named:", path.exists(), oct(path.stat().st_mode & 0o777))
    print("gone:", not path.exists())
    with tempfile.TemporaryDirectory(dir=".") as directory:
        pathlib.Path(directory, "a", "b").mkdir(parents=True)
        pathlib.Path(directory, "a", "b", "c").write_text("x", encoding="utf-8")
    print("tree gone:", not os.path.exists(directory))
    spooled = tempfile.SpooledTemporaryFile(max_size=10)
    spooled.write(b"more than ten bytes")
    spooled.seek(5)
    print("spooled:", spooled.read())


def use_mmap():
    with open("mapped", "w+b") as file:
        file.truncate(3 * mmap.PAGESIZE)
        with mmap.mmap(file.fileno(), 0) as shared:
            shared[mmap.PAGESIZE : mmap.PAGESIZE + 5] = b"hello"
            shared.flush()
            print("through the file:", os.pread(file.fileno(), 5, mmap.PAGESIZE))
            os.pwrite(file.fileno(), b"HELLO", mmap.PAGESIZE)
            print("through the map:", shared[mmap.PAGESIZE : mmap.PAGESIZE + 5])
            print("find:", shared.find(b"LLO"))
            shared.resize(5 * mmap.PAGESIZE)
            print("resized:", os.path.getsize("mapped") // mmap.PAGESIZE)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as private:
            private[:4] = b"copy"
            print("private:", private[:4], os.pread(file.fileno(), 4, 0))
        page = mmap.PAGESIZE
        with mmap.mmap(file.fileno(), page, prot=mmap.PROT_READ, offset=page) as second:
            print("read only:", second[:5])
    anonymous = mmap.mmap(-1, 1 << 20)
    if os.fork() == 0:
        anonymous[:5] = b"child"
        os._exit(0)
    os.wait()
    print("shared with a child:", anonymous[:5])


def use_locks():
    with open("locked", "w", encoding="utf-8") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 10)
        if os.fork() == 0:
            with open("locked", "r+", encoding="utf-8") as other:
                held = refused(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
                free = refused(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 10)
            print("lockf in a child:", held, "beyond the range:", free, flush=True)
            os._exit(0)
        os.wait()
    with open("locked", encoding="utf-8") as one, open("locked", encoding="utf-8") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        print("flock:", refused(fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB))
        fcntl.flock(one, fcntl.LOCK_UN)
        print("released:", refused(fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB))


def use_directories():
    root = pathlib.Path("tree")
    (root / "sub").mkdir(parents=True)
    for number in range(300):
        (root / f"file{number:03}").write_text(str(number), encoding="utf-8")
    (root / "link").symlink_to("sub")
    with os.scandir(root) as entries:
        found = sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in entries)
    print("scandir:", len(found), found[0], found[-2:])
    for entry in found[:150]:
        (root / entry[0]).unlink()
    print("half gone:", len(os.listdir(root)))
    shutil.copytree(root, "copy", symlinks=True)
    print("copied:", len(os.listdir("copy")), os.readlink("copy/link"))
    (root / "sub" / "deep").write_text("x", encoding="utf-8")
    print("rmdir:", refused(os.rmdir, root / "sub"), refused(os.rmdir, root / "nothing"))
    os.rename(root, "renamed")
    print("rename:", sorted(os.listdir("renamed"))[0], refused(os.rename, "copy", "renamed"))
    os.replace("renamed/sub/deep", "copy/deep")
    handle = os.open("copy", os.O_RDONLY | os.O_DIRECTORY)
    print("relative:", os.stat("deep", dir_fd=handle).st_size, "deep" in os.listdir(handle))
    shutil.rmtree("copy")
    created = refused(os.open, "x", os.O_CREAT, dir_fd=handle)
    print("a deleted directory:", os.listdir(handle), created)
    os.close(handle)


def use_links_and_times():
    pathlib.Path("original").write_text("data", encoding="utf-8")
    os.link("original", "hard")
    os.symlink("original", "soft")
    print("links:", os.stat("hard").st_nlink, os.path.samefile("hard", "soft"))
    print("loops:", refused(os.link, "original", "hard"), refused(os.readlink, "original"))
    os.utime("hard", ns=(1_000_000_000_123_456_789, 2_000_000_000_987_654_321))
    print("times:", os.stat("original").st_atime_ns, os.stat("original").st_mtime_ns)
    os.utime("soft", (5, 6), follow_symlinks=False)
    print("the link's own:", os.lstat("soft").st_mtime, os.stat("original").st_mtime_ns % 10)
    os.chmod("hard", 0o640)
    print("mode:", stat.filemode(os.stat("original").st_mode))
    print("access:", os.access("original", os.R_OK), os.access("original", os.X_OK))


def use_descriptors():
    file = os.open("data", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    print("exclusive:", refused(os.open, "data", os.O_CREAT | os.O_EXCL))
    print("vectors:", os.writev(file, [b"one ", b"two ", b"three"]), os.lseek(file, 0, os.SEEK_CUR))
    first, second = bytearray(4), bytearray(20)
    print("read back:", os.preadv(file, [first, second], 0), bytes(first), bytes(second[:9]))
    os.posix_fallocate(file, 0, 10000)
    print("allocated:", os.fstat(file).st_size)
    beyond = refused(os.lseek, file, 20000, os.SEEK_DATA)
    print("holes:", beyond, os.lseek(file, 0, os.SEEK_HOLE) > 0)
    appender = os.open("data", os.O_WRONLY | os.O_APPEND)
    os.write(appender, b"end")
    print("appended:", os.fstat(file).st_size, os.lseek(appender, 0, os.SEEK_CUR))
    copy = os.dup(file)
    os.lseek(file, 4, os.SEEK_SET)
    print("shared offset:", os.read(copy, 3))
    reader, writer = os.pipe()
    print("sendfile:", os.sendfile(writer, file, 0, 3), os.read(reader, 10))
    print("splice:", os.splice(file, writer, 3, offset_src=8), os.read(reader, 10))
    target = os.open("target", os.O_RDWR | os.O_CREAT, 0o600)
    print("copy_file_range:", os.copy_file_range(file, target, 13, 0), os.pread(target, 20, 0))
    memory = os.memfd_create("memory", os.MFD_ALLOW_SEALING)
    print("memfd:", os.write(memory, b"contents"), os.pread(memory, 20, 0))
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK)
    print("sealed:", refused(os.write, memory, b"x"), refused(os.ftruncate, memory, 1))
    print("nonblocking:", [os.set_blocking(reader, False), refused(os.read, reader, 1)][1])
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    print("poll:", poller.poll(50))
    os.close(writer)
    print("hang-up:", [event for _, event in poller.poll(50)] == [select.POLLHUP])
    print("bad descriptor:", refused(os.read, 9999, 1))
    print("a directory:", refused(os.read, os.open(".", os.O_RDONLY), 1))


def main():
    for step in (
        use_tempfile,
        use_mmap,
        use_locks,
        use_directories,
        use_links_and_times,
        use_descriptors,
    ):
        print("==", step.__name__.replace("_", " "))
        sys.stdout.flush()
        step()


sys.stdout.reconfigure(line_buffering=True)
main()
