#!/bin/bash
# busybox: a static program whose applets call the kernel directly, ash included.
# needs: busybox

mkdir bin && cp "$(command -v busybox)" bin/
for applet in sh ls cat grep sed awk find sort tar; do
  ln -s busybox "bin/$applet"
done
cat >script <<'END'
#!./bin/sh
PATH=$PWD/bin
echo "ash on pid $(( $$ > 0 ))"
for i in 1 2 3; do (exit $i); echo "subshell $?"; done
seq() { i=1; while [ $i -le "$1" ]; do echo $i; i=$((i + 1)); done; }
seq 200 | grep 7 | sort -rn | sed -n 1p
seq 100 | awk '{ s += $1 } END { print s }'
trap 'echo caught' USR1
kill -USR1 $$
sleep_pid=$(busybox sh -c 'busybox sleep 60 >/dev/null & echo $!')
kill "$sleep_pid" && echo "killed an orphan"
busybox mkdir -p a/b && echo text >a/b/c && find a | sort
tar -cf a.tar a && busybox rm -r a && tar -xf a.tar && cat a/b/c
busybox mkfifo f && (echo fifo >f &) && cat f
busybox ln -s a link && ls -F link a
busybox dd if=/dev/zero bs=1k count=64 2>/dev/null | busybox wc -c
busybox printf '%s\n' b a | busybox sort | busybox md5sum
busybox gzip -c a.tar | busybox gunzip -c | busybox cmp - a.tar && echo same
busybox stat -c '%a %F' a
busybox touch -d '2001-01-01 00:00:00' a && busybox date -r a +%Y
busybox test "$(busybox id -u)" = "$(busybox stat -c %u a)" && echo "mine"
busybox timeout 1 busybox sleep 30; echo "timeout $?"
busybox ps >/dev/null && busybox free >/dev/null && busybox df . >/dev/null && echo "ps, free, df"
busybox usleep 1000 && busybox env -i X=1 ./bin/busybox env
busybox vi -h 2>/dev/null || echo "vi is no help"
cat <<E
here-document $((3 * 4))
E
exit 9
END
chmod +x script && ./script
echo "status $?"
./bin/busybox nothing_of_the_kind 2>/dev/null; echo "unknown applet: $?"
