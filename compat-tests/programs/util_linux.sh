#!/bin/bash
# Small system tools, and what they read in /proc: ps, pgrep, top, flock, script, prlimit, taskset.
# needs: ps top flock script prlimit taskset fallocate hexdump

echo "== processes"
sleep 50 &
pid=$!
ps -o comm=,ppid= -p $pid | awk -v me=$$ '{ print $1, ($2 == me) }'
pgrep -P $$ -x sleep | wc -l
[ "$(readlink /proc/$pid/exe)" = "$(realpath "$(command -v sleep)")" ] && echo "exe"
tr '\0' ' ' </proc/$pid/cmdline && echo
[ "$(readlink /proc/$pid/cwd)" = "$PWD" ] && echo "cwd"
grep -E '^(Name|State|Threads):' /proc/$pid/status | sed 's/\t/ /'
awk '{ print (NF > 40), $3 }' /proc/$pid/stat
grep -c . /proc/$pid/maps | sed 's/[1-9][0-9]*/some/'
ls /proc/$pid/fd /proc/$pid/task | grep -c . | sed 's/[1-9][0-9]*/some/'
tr '\0' '\n' </proc/$pid/environ | grep '^TZ='
pkill -P $$ -x sleep; wait $pid 2>/dev/null; echo "killed: $?"
pidof nonexistent-program; echo "pidof: $?"
ps -e | grep -c bash | sed 's/[1-9][0-9]*/some/'
free -b | head -n 1 | wc -w
top -b -n 1 >/dev/null && uptime >/dev/null && echo "top and uptime"

echo "== limits and scheduling"
prlimit --nofile=50:60 bash -c 'ulimit -Sn; ulimit -Hn'
cat >descriptors.py <<'END'
opened = []
try:
    while True:
        opened.append(open("/dev/null"))
except OSError as error:
    print(len(opened), error.strerror)
END
(ulimit -n 20; python3 descriptors.py)
(ulimit -f 1; head -c 5000 /dev/zero >big) 2>/dev/null; echo "file size: $(stat -c %s big)"
bash -c '(ulimit -t 1; while :; do :; done); exit $?' 2>/dev/null; echo "processor time: $?"
(ulimit -v 200000; python3 -c 'x = bytearray(500 << 20)' 2>&1 | tail -n 1)
cpu=$(awk '/Cpus_allowed_list/ { split($2, list, /[-,]/); print list[1] }' /proc/self/status)
taskset -c "$cpu" nproc && chrt --other 0 echo "scheduled"
echo "nicer by $(($(nice -n 3 nice) - $(nice)))"
ionice -c 3 echo "idle" 2>/dev/null || echo "idle"

echo "== sessions and locks"
setsid --wait bash -c 'exit 6'; echo "setsid: $?"
(flock 9; echo "in the lock"; sleep 0.2) 9>lock &
sleep 0.1
flock -n lock true; echo "held: $?"
flock -w 20 lock echo "waited for it"
wait
script -qec 'tty >/dev/null && stty size >/dev/null && echo "on a terminal"' /dev/null | tr -d '\r'
getopt -o ab: --long all,bee: -- -a --bee=x rest
namei -l / | wc -l && mountpoint -q / && echo "/ is mounted" && findmnt -n -o TARGET / && rev <<<abc
hexdump -C <<<"hex"
mcookie | wc -c && getconf PAGESIZE && getconf LONG_BIT
dd if=/dev/urandom of=random bs=1M count=1 status=none
fallocate -l 2M random && stat -c %s random
fallocate -p -o 0 -l 64k random && head -c 65536 random | tr -d '\0' | wc -c
truncate -s 1G sparse && [ "$(du -k sparse | cut -f 1)" -lt 100 ] && echo "sparse"
