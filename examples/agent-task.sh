#!/bin/bash
# A small task of the kind that AI agents do: write code, run it, find a bug, fix it, commit, and
# look around a little where it has no business. `./dev run` runs this inside ukrun; natively it
# works as well, and cleans up behind itself.
#
# Uses bash, python3 and git, and gcc where there is one.

set -eu

bold='' plain=''
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '   %s\n' "$*"; }
show() { sed 's/^/   | /'; }

inside() { [ "$(uname -n)" = ukrun ]; }

workshop=$(mktemp -d "$PWD/agent-task.XXXXXX")
# Inside, the files stay where they are: that they vanish with the sandbox is the point.
inside || trap 'rm -rf "$workshop"' EXIT
cd "$workshop"

say "1. Write a module and a test for it"
cat >words.py <<'END'
"""Counts words."""


def count(text):
    found = {}
    for word in text.split():
        found[word] = found.get(word, 0) + 1
    return found


def most_common(text):
    found = count(text)
    return sorted(found, key=lambda word: (-found[word], word))
END
cat >test_words.py <<'END'
import unittest

import words


class WordsTest(unittest.TestCase):
    def test_counts(self):
        self.assertEqual(words.count("a b a"), {"a": 2, "b": 1})

    def test_ignores_case(self):
        self.assertEqual(words.most_common("The cat saw the dog")[0], "the")


unittest.main(verbosity=2)
END
note "words.py and test_words.py written"

say "2. Run the test, find the bug, fix it"
if python3 test_words.py >test.log 2>&1; then
  note "odd: the bug is gone"
else
  grep -E '^(test_|FAIL:|AssertionError)' test.log | show
fi
sed -i 's/text\.split()/text.lower().split()/' words.py
python3 test_words.py >test.log 2>&1
tail -n 1 test.log | show

say "3. Keep it in git, with a branch and a merge"
git() {
  command git -c user.name=Agent -c user.email=agent@example.com -c init.defaultBranch=main "$@"
}
git init -q
printf '__pycache__/\n*.log\n' >.gitignore
git add .
git commit -qm 'Count words'
git switch -qc punctuation
sed -i 's/text\.lower()/text.lower().replace(".", " ").replace(",", " ")/' words.py
git diff -U0 | grep '^[-+] ' | show
git commit -qam 'Ignore punctuation'
git switch -q main
git merge -q --no-ff --no-edit punctuation
git log --oneline --graph --format=%s | show

say "4. The same in C, with threads"
if command -v gcc >/dev/null; then
  cat >sum.c <<'END'
#include <pthread.h>
#include <stdio.h>

static void* Sum(void* argument) {
  long first = (long)argument, sum = 0;
  for (long i = first; i < 4000000; i += 4) sum += i;
  return (void*)sum;
}

int main(void) {
  pthread_t threads[4];
  long total = 0;
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, Sum, (void*)i);
  for (int i = 0; i < 4; i++) {
    void* sum;
    pthread_join(threads[i], &sum);
    total += (long)sum;
  }
  printf("four threads added up to %ld\n", total);
  return 0;
}
END
  gcc -O2 -Wall -pthread -o sum sum.c
  ./sum | show
else
  note "there is no gcc here, so this step is left out"
fi

say "5. Look where it has no business"
# Only whether they are there; nothing is read.
for secret in "$HOME/.ssh" "$HOME/.aws" "$HOME/.netrc" /etc/shadow; do
  if [ -e "$secret" ]; then
    note "$secret: there"
  else
    note "$secret: absent"
  fi
done
python3 - <<'END'
import os
import socket

try:
    socket.socket(socket.AF_INET).close()
    print("   the network: open")
except OSError as error:
    print("   the network:", error.strerror)
numbers = [name for name in os.listdir("/proc") if name.isdigit()]
print("   processes in sight:", len(numbers))
END

say "Done."
if inside; then
  note "This ran in ukrun. $(find . -type f | wc -l) files were written to ${workshop##*/},"
  note "and none of them is on your disk."
else
  note "This ran natively, without a sandbox; ${workshop##*/} is removed again."
fi
