#!/usr/bin/python3
"""Threads: locks, conditions, queues, thread pools, thread-local data, daemons."""

import concurrent.futures
import hashlib
import queue
import sys
import threading
import time
import zlib


def count_under_a_lock():
    lock = threading.Lock()
    total = 0

    def work():
        nonlocal total
        for _ in range(20000):
            with lock:
                total += 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("8 threads counted to", total)


def hand_over_by_condition():
    """Two threads take turns, so each hand-over wakes a sleeper."""
    turn = threading.Condition()
    said = []

    def speak(me):
        for _ in range(500):
            with turn:
                turn.wait_for(lambda: len(said) % 2 == me)
                said.append(me)
                turn.notify_all()

    threads = [threading.Thread(target=speak, args=(me,)) for me in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("turns taken strictly:", said == [0, 1] * 500)


def pass_through_a_queue():
    tasks = queue.Queue(maxsize=16)
    results = []
    guard = threading.Lock()

    def consume():
        while (item := tasks.get()) is not None:
            with guard:
                results.append(item * item)

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for item in range(2000):
        tasks.put(item)
    for _ in consumers:
        tasks.put(None)
    for consumer in consumers:
        consumer.join()
    print("queue:", len(results), sum(results))


def compute_without_the_interpreter_lock():
    """zlib and hashlib release the lock, so these really run at once."""
    data = bytes(range(256)) * 4096

    def work(seed):
        digest = hashlib.sha256(data + bytes([seed])).hexdigest()
        return digest[:8], zlib.crc32(zlib.compress(data)) & 0xFFFF > 0

    with concurrent.futures.ThreadPoolExecutor(max_workers=6) as pool:
        print("pool:", [digest for digest, _ in pool.map(work, range(6))])


def wait_with_time_limits():
    event = threading.Event()
    started = time.monotonic()
    print("event in time:", event.wait(0.2), time.monotonic() - started >= 0.2)
    threading.Timer(0.1, event.set).start()
    print("set by a timer:", event.wait(30))
    lock = threading.Lock()
    lock.acquire()
    print("lock in time:", lock.acquire(timeout=0.1))
    semaphore = threading.Semaphore(2)
    print("semaphore:", semaphore.acquire(), semaphore.acquire(), semaphore.acquire(timeout=0.05))


def meet_at_a_barrier():
    barrier = threading.Barrier(5)
    arrivals = []

    def walk():
        for _ in range(50):
            arrivals.append(barrier.wait())

    threads = [threading.Thread(target=walk) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("barrier:", len(arrivals), sum(arrivals))


def keep_data_apart():
    local = threading.local()
    seen = set()

    def work(value):
        local.value = value
        time.sleep(0.01)
        seen.add(local.value)

    threads = [threading.Thread(target=work, args=(value,)) for value in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("thread-local:", sorted(seen) == list(range(20)))


def start_very_many():
    finished = []
    for _ in range(10):
        threads = [threading.Thread(target=finished.append, args=(1,)) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("500 threads came and went:", len(finished))
    release = threading.Event()
    threads = [threading.Thread(target=release.wait) for _ in range(100)]
    for thread in threads:
        thread.start()
    print("100 sleep at once:", threading.active_count() == 101)
    release.set()
    for thread in threads:
        thread.join()


def main():
    count_under_a_lock()
    hand_over_by_condition()
    pass_through_a_queue()
    compute_without_the_interpreter_lock()
    wait_with_time_limits()
    meet_at_a_barrier()
    keep_data_apart()
    start_very_many()
    print("native ids differ:", threading.get_native_id() > 0)
    # The process ends although this one never does.
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    sys.exit(0)


main()
