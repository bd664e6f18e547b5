#!/usr/bin/python3
"""Writes docs/syscalls.md from the rows of sentry/syscalls/table.cc.

    docs/generate_syscalls.py [--check]     --check: only say whether the page is up to date
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "sentry/syscalls/table.cc"
PAGE = ROOT / "docs/syscalls.md"

ROW = re.compile(
    r"(Full|Partial|Refused|Missing)(?:<&(\w+)>)?\(\s*(\d+),\s*\"(\w+)\""
    r"(?:,\s*(E[A-Z0-9]+))?((?:,?\s*\"(?:[^\"\\]|\\.)*\")*)\s*\)"
)


def rows():
    for match in ROW.finditer(TABLE.read_text()):
        support, _, number, name, error, note = match.groups()
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', note or ""))
        yield int(number), name, support, error, text


def page():
    table = list(rows())
    count = {kind: sum(row[2] == kind for row in table) for kind in ("Full", "Partial", "Refused", "Missing")}
    lines = [
        "# System calls",
        "",
        "Made by docs/generate_syscalls.py from sentry/syscalls/table.cc; do not edit.",
        "",
        f"{count['Full']} full, {count['Partial']} partial, {count['Refused']} refused, "
        f"{count['Missing']} missing (ENOSYS).",
        "",
        "| number | name | support | what to know |",
        "| --- | --- | --- | --- |",
    ]
    for number, name, support, error, note in table:
        words = f"{error}: {note}" if support == "Refused" else note
        lines.append(f"| {number} | {name} | {support.lower()} | {words} |")
    return "\n".join(lines) + "\n"


def main():
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != text:
            print("docs/syscalls.md is out of date: run docs/generate_syscalls.py")
            return 1
        return 0
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
