#!/bin/bash
# find over a tree of 2,000 files with every kind of test, and xargs in parallel.
# time limit: 120

mkdir tree && cd tree || exit 1
for ((i = 0; i < 20; i++)); do
  mkdir -p "d$i/sub"
  for ((j = 0; j < 50; j++)); do
    echo "$i $j" >"d$i/f$j.txt"
    : >"d$i/sub/e$j.log"
  done
done
ln -s d0 link
ln -s nowhere dangling
mkfifo fifo
chmod 700 d1/f1.txt
touch -d '2000-01-01' d2/f2.txt
head -c 100k /dev/zero >big
ln d3/f3.txt hard

find . | wc -l
find . -type f -name '*.txt' | wc -l
find . -type l -printf '%f -> %l\n' | sort
find . -xtype l -o -type p | sort
find . -empty -type f | wc -l
find . -size +50k
find . -perm 700 -type f
find . -not -newermt 2001-01-01
find . -samefile hard | sort
find . -maxdepth 1 -type d -name 'd1*' -printf '%f %d\n' | sort
find . -regex '.*/d[0-3]/f4[0-9]\.txt' | sort | sed -n '1p;$p'
find -L link -name 'f7.txt'
find . -name sub -prune -o -type f -print | wc -l
find d5 -type f -exec cat {} + | sort -n -k 2 | tail -n 1
find d6 -name 'f1?.txt' -exec sh -c 'echo "$1"' _ {} \; | sort | head -n 2
find d7 -name '*.log' -delete && find d7 -name '*.log' | wc -l
find . -name 'f9.txt' -print0 | sort -z | xargs -0 -n 1 dirname | sort | paste -sd ' '
find . -type f -name '*.txt' -print0 | xargs -0 cat | wc -l
find . -type f -name '*.txt' -print0 | xargs -0 -P 4 -n 50 wc -l |
  awk '/total/ { t += $1 } END { print t }'
seq 100 | xargs -P 8 -I {} sh -c 'echo {}' | sort -n | tail -n 1
seq 5 | xargs -n 2 echo
echo 'a "b c" d' | xargs -n 1 echo
seq 3 | xargs -I {} sh -c 'exit {}'
echo "xargs: $?"
seq 100000 | xargs echo | wc -w
cd .. && rm -r tree && [ ! -e tree ] && echo "removed"
