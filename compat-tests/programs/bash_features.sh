#!/bin/bash
# What people write in bash: pipes, here-documents, arrays, functions, redirections.

set -u

echo "== pipes"
printf '%s\n' pear apple fig apple | sort | uniq -c | while read -r count fruit; do
  echo "$fruit: $count"
done
seq 1 100000 | tail -n 1
yes | head -n 3 | tr '\n' ' '
echo
false | true
echo "without pipefail: $?"
set -o pipefail
false | true
echo "with pipefail: $?"
set +o pipefail
false | true | (exit 3)
echo "each status: ${PIPESTATUS[*]}"

echo "== here-documents"
name=world
cat <<END
hello, $name: $((6 * 7)) $(echo nested)
END
cat <<'END'
nothing is expanded: $name $(echo nested)
END
cat <<-END
	leading tabs go away
	END
tr a-z A-Z <<<"a here-string"
# A long here-document travels through a pipe or a file; both have to work.
long=$(seq 1 30000)
wc -l <<<"$long"

echo "== arrays and expansions"
list=(one two "three and a half" four)
echo "${#list[@]} ${list[2]} ${list[-1]} ${list[*]:1:2}"
declare -A capital=([france]=paris [peru]=lima)
for country in $(printf '%s\n' "${!capital[@]}" | sort); do
  echo "$country ${capital[$country]}"
done
path=/usr/share/doc/readme.tar.gz
echo "${path##*/} ${path%.*} ${path%%.*} ${path/share/lib} ${path^^} ${#path}"
echo {a,b}{1..3} {01..05}
printf -v padded '%05d|%-6s|%x' 42 abc 255
echo "$padded"
mapfile -t lines < <(printf 'x\ny\nz\n')
echo "mapfile: ${#lines[@]} ${lines[1]}"

echo "== functions, loops, case, arithmetic"
factorial() {
  if (($1 <= 1)); then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi
}
factorial 10
for ((i = 0; i < 3; i++)); do echo -n "$i "; done
echo
until ((i == 0)); do ((i--)); done
case "file.txt" in *.c) echo C ;; *.txt) echo text ;; esac
[[ "2024-05-17" =~ ^([0-9]+)-([0-9]+) ]] && echo "year ${BASH_REMATCH[1]}, month ${BASH_REMATCH[2]}"
options=()
set -- -a -b value rest
while getopts "ab:" option; do options+=("$option=${OPTARG-}"); done
echo "${options[*]}"

echo "== redirections"
{ echo out; echo err >&2; } >both.txt 2>&1
cat both.txt
exec 7>seven.txt
echo "through descriptor 7" >&7
exec 7>&-
cat seven.txt
echo "appended" >>seven.txt
wc -l <seven.txt
exec 8<>rw.txt
printf 'read and write' >&8
exec 8>&-
cat rw.txt
echo
(set -o noclobber; echo x >rw.txt) 2>/dev/null || echo "noclobber refused"
{ echo lost >&9; } 2>/dev/null || echo "descriptor 9 is closed"
diff <(printf 'a\nb\n') <(printf 'a\nc\n')
echo "into a process" > >(tr a-z A-Z >process.txt)
wait $!
cat process.txt

echo "== subshells and background"
outer=1
(outer=2; echo "inside $outer")
echo "outside $outer"
(sleep 0.1; exit 7) &
wait $!
echo "background status $?"
pids=()
for status in 0 1 2 3; do
  (exit "$status") &
  pids+=($!)
done
sum=0
for pid in "${pids[@]}"; do
  wait "$pid"
  ((sum += $?))
done
echo "four jobs, sum of statuses $sum"
# `wait -n` is for jobs that still run: bash 5.2 overlooks some that ended before.
(sleep 0.3; exit 5) &
wait -n
echo "the next to end: $?"
wait -n
echo "no more jobs: $?"
coproc upper { while read -r line; do echo "${line^^}"; done; }
upper_pid=$upper_PID
echo "to the coprocess" >&"${upper[1]}"
read -r answer <&"${upper[0]}"
echo "$answer"
exec {upper[1]}>&-
wait "$upper_pid"

echo "== globs and files"
mkdir -p tree/{a,b/c}
touch tree/a/{1,2}.txt tree/b/c/3.txt tree/.hidden
shopt -s globstar nullglob extglob dotglob
echo tree/**/*.txt
echo tree/*
echo tree/a/!(1).txt
echo nothing/*
[ -d tree/a ] && [ ! -e tree/z ] && [ tree/a -ef tree/../tree/a ] && echo "tests hold"

echo "== time-outs and statuses"
read -r -t 0.1 nothing < <(sleep 2)
(($? > 128)) && echo "read timed out"
timeout 0.2 sleep 5
echo "timeout $?"
bash -c 'kill -TERM $$'
echo "killed by TERM: $?"
bash -c 'exec /nonexistent/program' 2>/dev/null
echo "not found: $?"
bash -c './both.txt' 2>/dev/null
echo "not executable: $?"
time_output=$( { time true; } 2>&1)
grep -c real <<<"$time_output"
