#!/usr/bin/python3
"""asyncio: tasks, timers, subprocesses, Unix sockets, signals, threads."""

import asyncio
import os
import signal
import sys
import time


async def run_tasks():
    order = []

    async def step(name, delay):
        await asyncio.sleep(delay)
        order.append(name)
        return name

    results = await asyncio.gather(step("c", 0.3), step("a", 0.1), step("b", 0.2))
    print("finished:", order, "results:", results)
    try:
        await asyncio.wait_for(asyncio.sleep(60), timeout=0.2)
    except asyncio.TimeoutError:
        print("timed out")
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
    started = time.monotonic()
    await asyncio.gather(*(asyncio.sleep(0.2) for _ in range(1000)))
    print("a thousand sleeps at once:", 0.2 <= time.monotonic() - started < 20)


async def run_subprocesses():
    child = await asyncio.create_subprocess_exec(
        "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate(b"x" * 300000)
    print("cat:", len(out), child.returncode)
    children = [await asyncio.create_subprocess_shell(f"sleep 0.1; exit {n}") for n in range(8)]
    print("statuses:", await asyncio.gather(*(child.wait() for child in children)))
    child = await asyncio.create_subprocess_exec("sleep", "60")
    child.kill()
    print("killed:", await child.wait())
    child = await asyncio.create_subprocess_exec("seq", "5", stdout=asyncio.subprocess.PIPE)
    print("lines:", [line.decode().strip() async for line in child.stdout], await child.wait())


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def talk(number):
    reader, writer = await asyncio.open_unix_connection("server.sock")
    for round_number in range(20):
        writer.write(f"client {number} round {round_number}\n".encode())
        answer = await reader.readline()
    writer.write_eof()
    rest = await reader.read()
    writer.close()
    return answer.decode().strip(), rest


async def use_unix_sockets():
    server = await asyncio.start_unix_server(serve, path="server.sock")
    answers = await asyncio.gather(*(talk(number) for number in range(20)))
    print("20 clients:", answers[0], answers[19])
    server.close()
    await server.wait_closed()
    os.unlink("server.sock")


async def handle_signals():
    loop = asyncio.get_running_loop()
    received = asyncio.Queue()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        loop.add_signal_handler(number, received.put_nowait, number.name)
    os.kill(os.getpid(), signal.SIGUSR1)
    print("signal:", await received.get())
    os.kill(os.getpid(), signal.SIGTERM)
    print("signal:", await received.get())


async def watch_descriptors():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    ready = loop.create_future()
    loop.add_reader(reader, lambda: ready.set_result(os.read(reader, 100)))
    loop.call_later(0.1, os.write, writer, b"a pipe woke the loop")
    print((await ready).decode())
    loop.remove_reader(reader)
    os.close(reader)
    os.close(writer)


async def call_threads():
    loop = asyncio.get_running_loop()
    results = await asyncio.gather(
        *(loop.run_in_executor(None, lambda n=n: (time.sleep(0.05), n * n)[1]) for n in range(10))
    )
    print("threads:", results)
    answer = await asyncio.to_thread(sum, range(1000))
    print("to_thread:", answer)


async def main():
    for step in (
        run_tasks,
        run_subprocesses,
        use_unix_sockets,
        handle_signals,
        watch_descriptors,
        call_threads,
    ):
        print("==", step.__name__.replace("_", " "))
        await step()


sys.stdout.reconfigure(line_buffering=True)
asyncio.run(main())
