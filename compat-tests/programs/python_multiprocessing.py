#!/usr/bin/python3
"""Multiprocessing with each start method: pools, queues, locks, shared memory, managers."""
# time limit: 180

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing import shared_memory


def square(number):
    return number * number


def fail(_):
    raise ValueError("from a worker")


def add_many(counter, lock, times):
    for _ in range(times):
        with lock:
            counter.value += 1


def echo_until_none(connection):
    while (item := connection.recv()) is not None:
        connection.send(item[::-1])


def fill_shared(name, offset):
    block = shared_memory.SharedMemory(name=name)
    for index in range(1000):
        block.buf[offset + index] = (offset + index) % 251
    block.close()


def produce(output, start):
    for number in range(start, start + 100):
        output.put(number)


def wait_for(event, done):
    event.wait()
    done.release()


def use_a_pool(context):
    with context.Pool(3) as pool:
        print("map:", pool.map(square, range(10)))
        print("unordered:", sorted(pool.imap_unordered(square, range(200)))[-1])
        print("apply_async:", pool.apply_async(square, (12,)).get(timeout=60))
        try:
            pool.map(fail, range(3))
        except ValueError as error:
            print("raised:", error)


def share_a_counter(context):
    counter = context.Value("i", 0)
    lock = context.Lock()
    workers = [context.Process(target=add_many, args=(counter, lock, 500)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("counter:", counter.value, [worker.exitcode for worker in workers])


def talk_through_a_pipe(context):
    ours, theirs = context.Pipe()
    worker = context.Process(target=echo_until_none, args=(theirs,))
    worker.start()
    theirs.close()
    ours.send("abc")
    print("pipe:", ours.recv())
    big = os.urandom(1 << 20)
    ours.send(big)
    print("1 MiB:", ours.recv() == big[::-1])
    ours.send(None)
    worker.join()


def collect_from_a_queue(context):
    output = context.Queue()
    workers = [context.Process(target=produce, args=(output, start)) for start in (0, 100, 200)]
    for worker in workers:
        worker.start()
    numbers = sorted(output.get(timeout=60) for _ in range(300))
    for worker in workers:
        worker.join()
    print("queue:", numbers == list(range(300)))


def share_memory(context):
    block = shared_memory.SharedMemory(create=True, size=4096)
    try:
        workers = [
            context.Process(target=fill_shared, args=(block.name, offset))
            for offset in (0, 1000, 2000)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print("shared:", all(block.buf[i] == i % 251 for i in range(3000)), block.buf[3000])
    finally:
        block.close()
        block.unlink()


def synchronize(context):
    event = context.Event()
    done = context.Semaphore(0)
    workers = [context.Process(target=wait_for, args=(event, done)) for _ in range(3)]
    for worker in workers:
        worker.start()
    print("before:", done.acquire(timeout=0.2))
    event.set()
    print("after:", all(done.acquire(timeout=60) for _ in range(3)))
    for worker in workers:
        worker.join()


def kill_a_worker(context):
    worker = context.Process(target=time.sleep, args=(1000,))
    worker.start()
    worker.terminate()
    worker.join()
    print("terminated:", worker.exitcode == -signal.SIGTERM, worker.is_alive())


def manage(context):
    with context.Manager() as manager:
        shared = manager.dict()
        numbers = manager.list(range(5))
        shared["a"] = 1
        numbers.append(99)
        print("manager:", dict(shared), list(numbers))


def main():
    for method in ("fork", "spawn", "forkserver"):
        print("==", method, flush=True)
        context = multiprocessing.get_context(method)
        use_a_pool(context)
        share_a_counter(context)
        talk_through_a_pipe(context)
        share_memory(context)
    print("== the rest", flush=True)
    context = multiprocessing.get_context("fork")
    collect_from_a_queue(context)
    synchronize(context)
    kill_a_worker(context)
    manage(context)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
