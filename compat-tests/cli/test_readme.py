"""The README's tour: each of its commands is run, and answers what is printed there."""

import re
import shutil
import stat
from pathlib import Path

from support import PLATFORM, UKRUN, UkrunTest

SOURCES = Path(__file__).resolve().parents[2]
README = SOURCES / "README.md"


def tour():
    """The commands of the section "One minute" with the lines that follow each."""
    section = README.read_text(encoding="utf-8").partition("## One minute")[2].partition("\n## ")[0]
    steps = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            steps.append((line[6:], []))
        elif line.startswith("    ") and steps:
            steps[-1][1].append(line[4:])
    return steps


class ReadmeTest(UkrunTest):
    def setUp(self):
        super().setUp()
        # A checkout as the commands need it, with the ukrun that is tested.
        tracked = ("CMakeLists.txt", "CMakePresets.json", "README.md", "base", "examples")
        for name in tracked:
            source = SOURCES / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, self.work / name)
        program = self.work / "build" / "ukrun"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec "{UKRUN}" --platform={PLATFORM} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def run_in_shell(self, command, before):
        """One command as it is typed after another, whose status `$?` names."""
        prepared = f"(exit {before}); {command}"
        return self.execute(["bash", "-c", prepared + " 2>&1"])

    def test_tour_prints_what_it_says(self):
        steps = [step for step in tour() if not step[0].startswith("./dev")]
        self.assertGreater(len(steps), 6)
        status = 0
        for command, expected in steps:
            with self.subTest(command=command):
                result = self.run_in_shell(command, status)
                status = result.status
                wanted = [line.replace("/root/", f"{self.home}/") for line in expected]
                self.assertEqual(sorted(result.out.splitlines()), sorted(wanted))

    def test_example_task_does_its_work(self):
        result = self.ukrun("--quiet", "--", "bash", "examples/agent-task.sh")
        self.assertEqual(result.status, 0, result)
        self.assertIn("Done.", result.out)
        self.assertEqual(list(self.work.glob("agent-task.*")), [])

    def test_folders_that_are_named_exist(self):
        text = README.read_text(encoding="utf-8")
        named = re.findall(r"^\| `([\w-]+)/` \|", text, flags=re.MULTILINE)
        self.assertGreater(len(named), 8)
        for folder in named:
            self.assertTrue((SOURCES / folder).is_dir(), folder)
