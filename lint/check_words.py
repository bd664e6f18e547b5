#!/usr/bin/python3
"""Checks that no file speaks of how the project was made, by the patterns of lint/words.txt.

    lint/check_words.py [ROOT]
"""

import fnmatch
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import source_tree  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# The patterns themselves, and the samples that show them to work.
OWN_FILES = {"lint/words.txt", "lint/check_words_test.py"}


class Words:
    def __init__(self, path):
        self.patterns = {}
        self.allowed = []  # (name, files)
        for number, line in source_tree.read_lines(path):
            words = line.split(None, 3)
            if words[0] == "allow" and len(words) == 4 and words[1] in self.patterns:
                self.allowed.append((words[1], words[2]))
            elif words[0] != "allow" and len(words) >= 2:
                self.patterns[words[0]] = re.compile(line.split(None, 1)[1],
                                                     re.IGNORECASE | re.MULTILINE)
            else:
                raise ValueError(f"{path}:{number}: expected NAME REGULAR-EXPRESSION or "
                                 "allow NAME FILES REASON...")

    def find(self, path, text):
        """Yields (line, name, words found). File names count as text."""
        for name, pattern in self.patterns.items():
            if any(name == allowed and fnmatch.fnmatchcase(path, files)
                   for allowed, files in self.allowed):
                continue
            if pattern.search(path):
                yield 1, name, path
            for match in pattern.finditer(text):
                yield text.count("\n", 0, match.start()) + 1, name, match.group().strip()


def check(root, words):
    problems = []
    for path in source_tree.list_files(root):
        text = source_tree.read_text(root, path)
        if text is None or path in OWN_FILES:
            continue
        problems += [f"{path}:{line}: [{name}] {found}"
                     for line, name, found in words.find(path, text)]
    return problems


def main(arguments):
    root = os.path.abspath(arguments[0] if arguments else os.path.dirname(HERE))
    return source_tree.report("check_words", check(root, Words(os.path.join(HERE, "words.txt"))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
