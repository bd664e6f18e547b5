#!/bin/bash
# The coreutils, each with an option or two that reach into the kernel.

echo "== directories and links"
mkdir -p a/b/c && rmdir -p a/b/c && [ ! -e a ] && echo "mkdir and rmdir"
mkdir -m 750 m && stat -c '%a %F' m
echo content >file && ln file hard && ln -s file soft && ln -sr m/../file relative
stat -c '%h %s %F' file soft
readlink soft && realpath --relative-to=. soft && readlink relative
[ file -ef hard ] && echo "hard links are one file"
rm file && cat hard && cat soft 2>/dev/null || echo "a dangling link"
mv hard file
ln -s loop loop
cat loop 2>&1 | sed 's/^cat: //'

echo "== copies"
cp file copy && cmp file copy && echo "cp"
chmod 640 file && touch -d '2001-02-03 04:05:06.789' file
cp -p file kept && stat -c '%a %Y' kept
mkdir tree && cp file tree/1 && ln -s 1 tree/2 && cp -a tree tree2 && ls -1F tree2
cp --reflink=auto file reflink && cat reflink
mv -n copy kept && [ -e copy ] && echo "mv -n kept both"
mv copy tree/ && ls tree
install -D -m 700 file deep/er/installed && stat -c %a deep/er/installed
dd if=/dev/zero of=zeros bs=4k count=25 status=none && stat -c %s zeros
dd if=zeros of=sparse bs=1 count=1 seek=10M status=none && stat -c %s sparse
truncate -s 5 file && od -c file | head -n 2
truncate -s 0 file && [ ! -s file ] && echo "truncated"
split -b 40k zeros part. && ls part.* && cat part.* | cmp - zeros && echo "split and joined"
shred -u part.aa && [ ! -e part.aa ] && echo "shredded"
sync file && echo "synced"
mkfifo pipe && (echo "through a fifo" >pipe &) && cat pipe
temporary=$(mktemp -d) && [ -d "$temporary" ] && rmdir "$temporary" && echo "mktemp"

echo "== permissions and times"
umask
touch made && stat -c %a made
chmod u=rwx,g=rx,o= made && stat -c %A made
chmod -R go-rwx tree && stat -c %a tree tree/1
chmod +t m && stat -c %A m
touch -t 199912312359.59 made && date -r made +%F
touch -r made other && [ ! made -nt other ] && [ ! made -ot other ] && echo "same time"
ls -l --time-style=+%Y made | awk '{ print $1, $2, $6, $7 }'
du -s --apparent-size --block-size=1 zeros | cut -f 1
[ "$(stat -c %u made)" = "$(id -u)" ] && echo "files belong to who makes them"
[ "$(df --output=target . | tail -n 1)" ] && echo "df answers"

echo "== text"
seq 5 | tac | paste -sd,
printf 'b 2\na 10\nc 1\n' | sort -k 2n | cut -d ' ' -f 1 | paste -sd ' '
seq 200000 | sort -rn | head -n 1
seq 20 | shuf --random-source=<(yes) | sort -n | sha256sum
printf 'a\tb\n' | expand -t 4 && printf 'one two three four\n' | fold -sw 8
printf '1 a\n2 b\n' >left && printf '1 x\n3 y\n' >right && join left right
comm -3 <(seq 1 3) <(seq 2 4) | cat -T
nl -ba left && wc left right && tr -d '[:digit:] ' <left | rev
echo hello | md5sum && echo hello | base64 && cksum left && echo "aGk=" | base64 -d && echo
numfmt --to=iec 1048576 && factor 360 && expr 7 \* 6 && printf '%q\n' 'a b'
csplit -s left /2/ && cat xx01 && head -c 3 left && echo && tail -c 4 left
(sleep 0.3; echo late >>left; sleep 0.5) & timeout 5 tail -n 0 -f --pid=$! left

echo "== the system"
[ "$(nproc)" -ge 1 ] && uname -s && uname -m && arch
env -i A=1 /usr/bin/env && printenv LANG && echo "nicer by $(($(nice -n 5 nice) - $(nice)))"
date -u -d @86400 +%FT%T && test "$(date +%Y)" -ge 2024 && echo "the clock runs"
[ "$(whoami)" = "$(id -un)" ] && [ "$(id -u)" = "$(stat -c %u /proc/self)" ] && echo "identity"
basename /a/b.c .c && dirname /a/b.c && pathchk -p ok && tty; echo "tty says $?"
timeout --signal=INT 0.2 sleep 5; echo "timeout $?"
{ timeout -k 0.2 0.2 bash -c 'trap "" TERM; while :; do sleep 0.05; done'; } 2>/dev/null
echo "timeout -k $?"
nohup bash -c 'kill -HUP $$; echo survived' 2>/dev/null
stdbuf -o0 echo unbuffered && yes | head -n 100000 | wc -l && echo x >/dev/full; echo "full $?"
head -c 16 /dev/zero | od -An -tx1 && [ "$(head -c 32 /dev/urandom | wc -c)" = 32 ] && echo "random"
true >/dev/null && cat </dev/null && echo "null"
flock lockfile -c 'flock -n lockfile true || echo "the lock is held"'
ls /nonexistent; cat m; rmdir tree; mkdir m; echo "errors $?"
