#!/usr/bin/python3
"""sqlite through Python: journals, write-ahead logs (shared memory), locks between processes."""

import os
import sqlite3
import subprocess
import sys
import threading


def fill(path, mode):
    connection = sqlite3.connect(path)
    print("journal:", connection.execute(f"pragma journal_mode={mode}").fetchone()[0])
    connection.execute("create table animal (id integer primary key, name text, legs int)")
    with connection:
        connection.executemany(
            "insert into animal (name, legs) values (?, ?)",
            ((f"animal {number}", number % 9) for number in range(20000)),
        )
    connection.execute("create index by_legs on animal (legs)")
    print("rows:", connection.execute("select count(*), sum(legs) from animal").fetchone())
    print("indexed:", connection.execute("select count(*) from animal where legs = 4").fetchone())
    try:
        with connection:
            connection.execute("delete from animal")
            raise RuntimeError("changed my mind")
    except RuntimeError:
        pass
    print("rolled back:", connection.execute("select count(*) from animal").fetchone())
    connection.execute("vacuum") if mode == "delete" else None
    print("integrity:", connection.execute("pragma integrity_check").fetchone())
    connection.close()


def lock_out(path):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], timeout=0.2)\n"
        "try:\n"
        "    c.execute('insert into animal (name) values (1)')\n"
        "except sqlite3.OperationalError as error:\n"
        "    print('another process:', error)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)
    holder.execute("rollback")
    holder.close()


def write_from_many(path):
    """Processes and threads that all append: each waits for the others' locks."""
    code = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], timeout=60)\n"
        "for i in range(20):\n"
        "    with c:\n"
        "        c.execute('insert into animal (name, legs) values (?, 100)', (i,))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(4)]

    def append():
        connection = sqlite3.connect(path, timeout=60)
        for _ in range(20):
            with connection:
                connection.execute("insert into animal (name, legs) values ('t', 100)")
        connection.close()

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("children:", [child.wait() for child in children])
    connection = sqlite3.connect(path)
    print("appended:", connection.execute("select count(*) from animal where legs=100").fetchone())
    connection.close()


def main():
    for mode in ("delete", "wal"):
        path = f"{mode}.db"
        fill(path, mode)
        lock_out(path)
        write_from_many(path)
    print("files:", sorted(name for name in os.listdir() if ".db" in name))
    memory = sqlite3.connect(":memory:")
    memory.execute("create virtual table note using fts5(text)")
    memory.execute("insert into note values ('the quick brown fox'), ('lazy dogs')")
    print("full text:", memory.execute("select text from note where note match 'quick'").fetchall())
    print("json:", memory.execute("select json_extract('{\"a\":[1,2]}', '$.a[1]')").fetchone())
    copy = sqlite3.connect("backup.db")
    with sqlite3.connect("wal.db") as source:
        source.backup(copy)
    print("backup:", copy.execute("select count(*) from animal").fetchone())


sys.stdout.reconfigure(line_buffering=True)
main()
