#!/bin/bash
# Job control as an interactive shell uses it, without a terminal: process groups,
# stopping, continuing, and signals to whole groups.
# stderr: ignored

set -m

own=$(ps -o pgid= -p $$ | tr -d ' ')
sleep 30 &
job=$!
group=$(ps -o pgid= -p "$job" | tr -d ' ')
[ "$group" = "$job" ] && echo "a job leads its own process group"
[ "$group" != "$own" ] && echo "which isn't the shell's"

wait_for_state() {
  for _ in $(seq 100); do
    [ "$(ps -o stat= -p "$1" | cut -c 1)" = "$2" ] && return
    sleep 0.05
  done
  echo "process never reached state $2"
}

kill -STOP %1
wait_for_state "$job" T
jobs | sed 's/  */ /g'
kill -CONT %1
wait_for_state "$job" S
jobs -r | sed 's/  */ /g'
{ kill %1; wait "$job"; } 2>/dev/null
echo "after TERM: $?"

echo "== a pipeline is one job"
sleep 30 | sleep 31 | sleep 32 &
wait_for_state "$!" S
group=$(jobs -p)
echo "members: $(pgrep -c -g "$group")"
{ kill -TERM -- "-$group"; wait; } 2>/dev/null
echo "left: $(pgrep -c -g "$group")"

echo "== a job that stops itself"
bash -c 'kill -STOP $$; echo "continued"; exit 4' &
wait_for_state "$!" T
fg %+ >/dev/null
echo "fg returned $?"

echo "== disown and orphans"
bash -c 'set -m; (sleep 0.3; echo "an orphan ran on" >orphan.txt) & disown; exit 0'
for _ in $(seq 100); do
  [ -s orphan.txt ] && break
  sleep 0.05
done
cat orphan.txt

echo "== sessions"
cat >leader.sh <<'END'
[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] && echo "setsid makes a session leader"
END
setsid --wait bash leader.sh
