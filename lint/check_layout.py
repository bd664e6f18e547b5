#!/usr/bin/python3
"""Checks the shape of the source: how long files are, who includes whom, where raw host
calls stand, and what kernel code must not use.

    lint/check_layout.py [ROOT]

The rules (named as in lint/exceptions.txt):
  length     headers under 250 lines, other files up to 800; tables (`table` in the name)
             may be longer
  layer      #include "..." goes in the directions of lint/layers.txt
  unsafe     raw host calls, inline assembly, ptrace and reinterpret_cast stand in
             _unsafe.cc and _stub files only (of kernel code, gofer and ukrun)
  banned     kernel code has no threads, locks or exceptions of the C++ library, no
             thread-local data, RTTI, printf or iostreams
  header     a header starts with a comment and has #pragma once
  unfinished no TODO, FIXME, XXX or HACK
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source_tree  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER_LINES = 250
FILE_LINES = 800
SOURCE = (".cc", ".h", ".c", ".S", ".py", ".sh", ".cmake", ".proto")
CXX = (".cc", ".h", ".c")
KERNEL = re.compile(r"(base|abi|platform|loader|sentry)/|gofer/client")
OURS = re.compile(r"(base|abi|platform|loader|sentry|gofer|ukrun)/")
LAYERED = re.compile(r"(base|abi|platform|loader|sentry|gofer|ukrun|compat-tests|bench)/")
# Not part of the image: tests and what only they use, and the hosted builds.
HOSTED = re.compile(r"(_test|_fuzz|_fixture|_hosted)\.(cc|h)$|(^|/)testing_|/fuzz/")
UNSAFE_FILE = re.compile(r"_(unsafe|stub)\.(cc|h|S)$")

UNSAFE = {
    # Call numbers alone (SYS_read in a filter's list) call nothing.
    "a raw host call": r"\b(?:Raw)?HostCall\s*\(|\bUkrunRawHostCall\b|(?<![\w.>])syscall\s*\(",
    "inline assembly": r"\b(?:asm|__asm__|__asm)\b",
    "ptrace": r"\bptrace\s*\(|\bPTRACE_[A-Z]\w*",
    "reinterpret_cast": r"\breinterpret_cast\b",
}
BANNED = {
    "pthread": r"\bpthread_?\w*",
    "a thread or lock of a library": r"\bstd::(?:j?thread|(?:\w+_)?mutex|condition_variable\w*|"
                                     r"lock_guard|unique_lock|scoped_lock|shared_lock|future|"
                                     r"promise|async)\b|\babsl::(?:Mutex|Notification|CondVar)\b",
    "thread-local data": r"\bthread_local\b|\b__thread\b",
    "call_once": r"\bcall_once\b",
    "std::shared_ptr": r"\bstd::(?:shared_ptr|make_shared|weak_ptr)\b",
    "RTTI": r"\bdynamic_cast\b|\btypeid\b",
    "exceptions": r"\bthrow\b|\btry\s*\{|\bcatch\s*\(",
    "printf": r"\b\w*printf\b|\bputs\b|\bfwrite\b",
    "iostreams": r"\bstd::(?:cout|cerr|clog|[io]?stringstream|[io]?fstream)\b",
}
BANNED_HEADERS = {
    "a header that needs a C library":
        r"#\s*include\s*<(?:thread|mutex|shared_mutex|condition_variable|future|iostream|sstream|"
        r"fstream|ostream|pthread\.h|stdio\.h|cstdio)>",
}
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
ANY_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include.*", re.MULTILINE)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def glob_to_regex(glob):
    parts = re.split(r"(\*\*|\*)", glob)
    translated = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(translated.get(part, re.escape(part)) for part in parts))


def read_layers(path):
    """[(files, [includable])], as compiled patterns."""
    layers = []
    for number, line in source_tree.read_lines(path):
        files, colon, includable = line.partition(":")
        if not colon:
            raise ValueError(f"{path}:{number}: expected FILES : INCLUDABLE FILES...")
        layers.append((glob_to_regex(files.strip()),
                       [glob_to_regex(glob) for glob in includable.split()]))
    return layers


def read_exceptions(path):
    """{(rule, file): line number}"""
    exceptions = {}
    for number, line in source_tree.read_lines(path):
        words = line.split(None, 2)
        if len(words) != 3:
            raise ValueError(f"{path}:{number}: expected RULE FILE REASON...")
        exceptions[words[0], words[1]] = number
    return exceptions


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_length(path, text):
    lines = text.count("\n")
    if "table" in os.path.basename(path):
        return
    if path.endswith(".h") and lines >= HEADER_LINES:
        yield "length", 1, f"{lines} lines; headers stay under {HEADER_LINES}"
    elif lines > FILE_LINES:
        yield "length", 1, f"{lines} lines; no file has more than {FILE_LINES}"


def check_layer(path, code, layers):
    allowed = next((targets for files, targets in layers if files.fullmatch(path)), None)
    if allowed is None:
        return
    for match in INCLUDE.finditer(code):
        target = match.group(1)
        # Others are the libraries', or written from the file's own folder.
        if not LAYERED.match(target):
            continue
        if not any(glob.fullmatch(target) for glob in allowed):
            yield "layer", line_of(code, match.start(1)), f"must not include {target}"


def check_tokens(rule, code, tokens, where):
    for what, pattern in tokens.items():
        for match in re.finditer(pattern, code):
            text = match.group().strip()
            yield rule, line_of(code, match.start()), f"{what} {where}: {text}"


def check_header(path, text):
    if not text.startswith(("// ", "/* ")):
        yield "header", 1, "a header starts with a comment that says what it is"
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield "header", 1, "no #pragma once"


def check_file(path, text, layers):
    """Yields (rule, line, message)."""
    yield from check_length(path, text)
    for match in UNFINISHED.finditer(text):
        # This file names them.
        if not path.startswith("lint/"):
            yield "unfinished", line_of(text, match.start()), f"{match.group()} is left"
    if not path.endswith(CXX):
        return
    code = source_tree.strip_cxx(text)
    yield from check_layer(path, code, layers)
    if path.endswith(".h"):
        yield from check_header(path, text)
    if HOSTED.search(path):
        return
    statements = ANY_INCLUDE.sub("", code)
    if OURS.match(path) and not UNSAFE_FILE.search(path):
        yield from check_tokens("unsafe", statements, UNSAFE,
                                "outside _unsafe.cc and _stub files")
    if KERNEL.match(path):
        yield from check_tokens("banned", statements, BANNED, "in kernel code")
        yield from check_tokens("banned", code, BANNED_HEADERS, "in kernel code")


def check(root, layers, exceptions, exceptions_name):
    """The problems of the tree, as lines of text."""
    problems = []
    unused = dict(exceptions)
    for path in source_tree.list_files(root):
        if not path.endswith(SOURCE):
            continue
        text = source_tree.read_text(root, path)
        if text is None:
            problems.append(f"{path}:1: [header] not a text file")
            continue
        for rule, line, message in check_file(path, text, layers):
            if (rule, path) in exceptions:
                unused.pop((rule, path), None)
            else:
                problems.append(f"{path}:{line}: [{rule}] {message}")
    for (rule, path), line in unused.items():
        problems.append(f"{exceptions_name}:{line}: [{rule}] nothing in {path} needs this")
    return problems


def main(arguments):
    root = os.path.abspath(arguments[0] if arguments else os.path.dirname(HERE))
    layers = read_layers(os.path.join(HERE, "layers.txt"))
    exceptions = read_exceptions(os.path.join(HERE, "exceptions.txt"))
    return source_tree.report(
        "check_layout", check(root, layers, exceptions, "lint/exceptions.txt"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
