#!/usr/bin/python3
"""Unix sockets: pairs, servers, datagrams, passed descriptors and credentials, epoll."""

import array
import errno
import os
import select
import socket
import struct
import sys
import threading


def refused(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "it worked"


def use_pairs():
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
        left, right = socket.socketpair(socket.AF_UNIX, kind)
        left.send(b"first")
        left.send(b"second")
        print(kind.name, "peeked", right.recv(3, socket.MSG_PEEK), "read", right.recv(100))
        if kind == socket.SOCK_STREAM:
            print("  nothing more:", refused(right.recv, 100, socket.MSG_DONTWAIT))
        else:
            print("  then", right.recv(100))
        left.close()
        print("  peer gone:", refused(right.send, b"x"))
        right.close()


def share_with_a_child():
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        while data := theirs.recv(65536):
            theirs.sendall(data.upper())
        os._exit(0)
    theirs.close()
    big = b"abcdefgh" * 100000
    sender = threading.Thread(target=lambda: (ours.sendall(big), ours.shutdown(socket.SHUT_WR)))
    sender.start()
    received = bytearray()
    while data := ours.recv(65536):
        received += data
    sender.join()
    os.wait()
    print("800,000 bytes there and back:", bytes(received) == big.upper())


def serve(listener, clients):
    for _ in range(clients):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"welcome " + connection.recv(100))


def use_a_server(address, what):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(5)
        thread = threading.Thread(target=serve, args=(listener, 10))
        thread.start()
        answers = []
        for number in range(10):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
                client.sendall(str(number).encode())
                answers.append(client.recv(100).decode())
                peer = client.getpeername()
        thread.join()
        print(what, answers[0], answers[-1], peer == address)
        print("  bind again:", refused(socket.socket(socket.AF_UNIX).bind, address))
    print("  nobody listens:", refused(socket.socket(socket.AF_UNIX).connect, address))


def use_datagrams():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as two:
            one.bind("one.sock")
            two.bind("two.sock")
            one.sendto(b"to two", "two.sock")
            print("datagram:", two.recvfrom(100))
            two.connect("one.sock")
            two.send(b"")
            print("empty:", one.recvfrom(100))
            one.sendto(b"a long message", "two.sock")
            data, _, flags, _ = two.recvmsg(6)
            print("cut short:", data, bool(flags & socket.MSG_TRUNC))
            one.setblocking(False)
            print("nothing there:", refused(one.recv, 1))


def pass_descriptors():
    left, right = socket.socketpair()
    with open("passed.txt", "w+", encoding="utf-8") as file:
        file.write("read through a passed descriptor")
        file.flush()
        file.seek(0)
        socket.send_fds(left, [b"here"], [file.fileno()])
    data, descriptors, _, _ = socket.recv_fds(right, 100, 5)
    with os.fdopen(descriptors[0], encoding="utf-8") as file:
        print(data, file.read())
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.send(b"who am I")
    _, ancillary, _, _ = right.recvmsg(100, socket.CMSG_SPACE(12))
    pid, uid, gid = struct.unpack("iII", ancillary[0][2])
    print("credentials:", pid == os.getpid(), uid == os.getuid(), gid == os.getgid())
    peer = struct.unpack("iII", left.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    print("peer:", peer == (os.getpid(), os.getuid(), os.getgid()))
    numbers = array.array("i", [9999])
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
    print("a bad descriptor:", refused(left.sendmsg, [b"x"], rights))


def wait_with_epoll():
    pairs = [socket.socketpair() for _ in range(100)]
    with select.epoll() as poller:
        for left, _ in pairs:
            poller.register(left, select.EPOLLIN | select.EPOLLRDHUP)
        print("quiet:", poller.poll(0.05))
        for _, right in pairs[::10]:
            right.send(b"x")
        print("ready:", len(poller.poll(5)))
        for left, _ in pairs[::10]:
            left.recv(1)
        pairs[1][1].close()
        events = poller.poll(5)
        print("hang-up:", len(events), bool(events[0][1] & select.EPOLLHUP))
        poller.modify(pairs[2][0], select.EPOLLOUT | select.EPOLLET)
        ready = dict(poller.poll(5)).get(pairs[2][0].fileno())
        again = dict(poller.poll(0.05)).get(pairs[2][0].fileno())
        print("writable, told once:", ready == select.EPOLLOUT, again)
    readable, writable, _ = select.select([pairs[3][0]], [pairs[3][0]], [], 5)
    print("select:", len(readable), len(writable))


def main():
    print("== pairs")
    use_pairs()
    share_with_a_child()
    print("== servers")
    use_a_server("server.sock", "path:")
    use_a_server(b"\0ukrun-abstract-%d" % os.getpid(), "abstract:")
    use_datagrams()
    print("== ancillary data")
    pass_descriptors()
    print("== readiness")
    wait_with_epoll()


sys.stdout.reconfigure(line_buffering=True)
main()
