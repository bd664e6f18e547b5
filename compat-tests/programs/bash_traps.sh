#!/bin/bash
# Traps: signals that the shell sends itself and its children, and the pseudo-signals.

echo "== signals"
trap 'echo "caught USR1"' USR1
trap 'echo "caught TERM"' TERM
trap 'echo "caught INT"' INT
kill -USR1 $$
kill -TERM $$
kill -INT $$
trap - USR1
trap '' HUP
kill -HUP $$
echo "HUP was ignored"
bash -c 'kill -HUP $$; echo "an ignored signal stays ignored after exec"'

echo "== a trap that interrupts wait"
trap 'echo "interrupted"' USR2
(sleep 0.2; kill -USR2 $$) &
sleep 1 &
sleeper=$!
wait "$sleeper"
status=$?
((status == 128 + $(kill -l USR2))) && echo "wait returned 128 plus the signal"
wait "$sleeper"
echo "and then $?"
wait

echo "== the shell of a subshell"
(
  trap 'echo "subshell leaves"' EXIT
  echo "in the subshell"
)
(
  trap 'exit 9' TERM
  kill -TERM "$BASHPID"
  echo "never printed"
)
echo "subshell's trap decided: $?"

echo "== CHLD"
set -m
children=0
trap '((children++))' CHLD
true &
wait
true &
wait
trap - CHLD
echo "children noticed: $children"
set +m

echo "== ERR, DEBUG and RETURN"
trap 'echo "ERR in line of: $BASH_COMMAND"' ERR
false
trap - ERR
traced=0
trap '((traced++))' DEBUG
:
:
trap - DEBUG
((traced >= 2)) && echo "DEBUG ran"
leave() { trap 'echo "RETURN"; trap - RETURN' RETURN; echo "in a function"; }
leave

echo "== signals that kill"
ulimit -c 0
for signal in HUP INT QUIT ILL ABRT FPE KILL USR1 SEGV USR2 PIPE ALRM TERM XCPU VTALRM IO SYS \
  RTMIN RTMAX; do
  # dash, since bash itself ignores QUIT; a trap '' above has made HUP ignored.
  env --default-signal dash -c "kill -$(kill -l "$signal") \$\$; sleep 5"
  status=$?
  if ((status == 128 + $(kill -l "$signal"))); then
    echo "$signal kills"
  else
    echo "$signal: $status"
  fi
done 2>/dev/null
for signal in CHLD URG WINCH CONT; do
  env --default-signal dash -c "kill -$signal \$\$; echo $signal does nothing"
done

echo "== set -e"
bash -c 'set -e; trap "echo cleaned up" EXIT; echo before; false; echo never'
echo "status $?"
trap 'echo "the last words"' EXIT
