#!/usr/bin/python3
"""Each pattern of words.txt finds its samples, and ordinary text passes."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_words  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = check_words.Words(os.path.join(HERE, "words.txt"))

SAMPLES = {
    "machine-path": ["see /work/main/base", "cd /work/shared", "in /tmp/h-build/x"],
    "machine-folder": ["look in /x/.library/notes"],
    "assistant": ["As an AI, I", "AI-generated code", "written by an LLM", "two subagents"],
    "product": ["thanks to Claude", "OpenAI's", "like Copilot"],
    "co-author": ["text\nCo-authored-by: Somebody"],
    "issue": ["fixes issue 12", "see issue #3", "ticket 7"],
    "conversation": ["in this conversation", "as requested by the user"],
    "registry": ["https://pypi.org/simple/x", "https://registry.npmjs.org/left-pad"],
}

ORDINARY = [
    "Someone who runs AI agents.", "The session leader's helper function; setsid(2).",
    "/usr/work/main is a path", "working directory /tmp/home", "static.library.name",
    "issues of the day", "the shell's prompt", "apt-get install libseccomp-dev", "$HOME/work/mainly",
    "a conversation function of PAM",
]


class WordsTest(unittest.TestCase):
    def test_every_pattern_has_samples_that_it_finds(self):
        self.assertEqual(set(WORDS.patterns), set(SAMPLES))
        for name, samples in SAMPLES.items():
            for sample in samples:
                found = {n for _, n, _ in WORDS.find("README.md", sample)}
                self.assertIn(name, found, sample)

    def test_ordinary_text_passes(self):
        for text in ORDINARY:
            self.assertEqual(list(WORDS.find("README.md", text)), [], text)

    def test_lines_are_counted(self):
        self.assertEqual(list(WORDS.find("a", "x\ny\nissue 4\n")), [(3, "issue", "issue 4")])

    def test_file_names_count(self):
        self.assertEqual([n for _, n, _ in WORDS.find("docs/claude.md", "")], ["product"])

    def test_allowed_files_pass(self):
        self.assertEqual(list(WORDS.find("ukrun/hidden_paths.conf", ".claude")), [])

    def test_the_tree_is_searched(self):
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, "a.txt"), "w", encoding="utf-8") as file:
                file.write("fine\nissue 9\n")
            with open(os.path.join(root, "b.bin"), "wb") as file:
                file.write(b"\0issue 9")
            self.assertEqual(check_words.check(root, WORDS), ["a.txt:2: [issue] issue 9"])


if __name__ == "__main__":
    unittest.main()
