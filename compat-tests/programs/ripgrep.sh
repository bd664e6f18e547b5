#!/bin/bash
# ripgrep: a parallel walk with memory maps, ignore files, globs, replacement.
# needs: rg

for i in $(seq 40); do
  mkdir -p "tree/d$i/deep"
  for j in $(seq 20); do
    printf 'first line\nneedle %d in %d\nlast line\n' "$j" "$i" >"tree/d$i/f$j.txt"
  done
  seq 2000 >"tree/d$i/deep/numbers"
done
git -C tree init -q 2>/dev/null || mkdir -p tree/.git
echo 'd1*/' >tree/.gitignore
echo '*.bin' >tree/.ignore
echo 'needle hidden' >tree/.hidden
printf 'needle\0binary' >tree/x.bin
cd tree || exit 1

rg -c needle | wc -l
rg -c needle --no-ignore | wc -l
rg -c needle --hidden | wc -l
rg --files | wc -l
rg -l 'needle 7 in 2' | sort
rg -n --sort path 'needle (1|2) in 3$'
rg -w 1999 --sort path -c | tail -n 1
rg -o --no-filename --sort path 'needle 3 in \d' -r 'found $0' | head -n 3
rg -g '*.txt' -g '!d2*' --files | wc -l
rg --mmap -c first d3/f1.txt && rg --no-mmap -c first d3/f1.txt
rg -U 'needle 5 in 4\nlast' d4 && rg -i NEEDLE d4/f5.txt && rg -v line d4/f5.txt
rg -j 8 -c line d2 | sort | head -n 2
rg -z -c 1 <(gzip -c d2/deep/numbers)
seq 100000 | rg -c 9
rg nothing_like_this; echo "no match: $?"
rg x /nonexistent 2>/dev/null; echo "missing: $?"
rg -tpy needle; echo "by type: $?"
rg --json 'needle 20 in 40$' | grep -c '"type":"match"'
