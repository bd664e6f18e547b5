"""The project's files, and C++ text without its comments and strings. Used by the checks."""

import os
import re
import subprocess

SKIPPED_FOLDERS = {".git", "build", "__pycache__"}


def list_files(root):
    """Paths of the project's files relative to `root`, sorted: what git tracks or would
    take in, or, where git can't tell, everything outside the build folder."""
    try:
        output = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True).stdout
        paths = [path for path in output.decode().split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        paths = []
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    # A tracked file may have been deleted but not yet committed.
    return sorted(path for path in set(paths)
                  if path.split("/")[0] not in SKIPPED_FOLDERS
                  and "__pycache__" not in path
                  and os.path.isfile(os.path.join(root, path)))


def read_text(root, path):
    """The file's text, or None for a binary file."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


_TOKENS = re.compile(
    r"""
      (?P<comment> //(?:[^\n\\]|\\.|\\\n)* | /\*.*?\*/ )
    | (?P<raw> R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)" )
    | (?P<include> ^[ \t]*\#[ \t]*include[^\n]* )
    | (?P<string> "(?:[^"\\\n]|\\.)*" )
    | (?P<char> (?<![0-9a-zA-Z_])'(?:[^'\\\n]|\\.)+' )
    """, re.VERBOSE | re.DOTALL | re.MULTILINE)


def strip_cxx(text):
    """C++ text with comments, strings and characters blanked out. Lines keep their numbers;
    #include lines are kept."""
    def blank(match):
        if match.group("include"):
            return match.group("include").split("//")[0]
        kept_lines = re.sub(r"[^\n]", " ", match.group())
        if match.group("comment"):
            return kept_lines
        return '"' + kept_lines[1:-1] + '"'
    return _TOKENS.sub(blank, text)


def read_lines(path):
    """Lines of a data file of the checks: (number, text), without comments and blanks."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if line and not line.startswith("#"):
                yield number, line


def report(name, problems):
    """Prints the problems and gives the exit status."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{name}: {len(problems)} problem(s)", flush=True)
        return 1
    print(f"{name}: ok")
    return 0
