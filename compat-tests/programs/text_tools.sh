#!/bin/bash
# grep, sed, awk and their relatives on a text of a few megabytes.
# needs: bc jq ed patch

awk 'BEGIN {
  for (i = 1; i <= 60000; i++)
    printf "%d level=%s user=u%d took=%d.%02dms\n",
           i, (i % 10 ? "info" : "error"), i % 97, i % 50, i % 100
}' >log

echo "== grep"
grep -c error log
grep -E 'user=u(3|5) ' log | tail -n 1
grep -n -m 2 'took=49' log
grep -oP 'took=\K[0-9.]+' log | sort -n | tail -n 1
grep -v info log | grep -c -F 'user=u0 '
grep -q nothing log; echo "no match: $?"
grep x /nonexistent 2>/dev/null; echo "no file: $?"
grep -A 1 -B 1 '^500 ' log
mkdir -p source/deep && echo 'needle here' >source/deep/x.txt && echo 'hay' >source/y.txt
grep -rl needle source && grep -r --include='*.c' needle source; echo "include: $?"
printf 'binary\0needle' >source/z && grep -c needle source/z
zcat <(gzip -c log) | grep -c error

echo "== sed"
sed -n '10p;20p' log
sed -E 's/.*user=(u[0-9]+).*/\1/' log | sort | uniq -c | sort -k 1,1nr -k 2 | head -n 2
sed -i.bak 's/error/ERROR/' log && grep -c ERROR log && grep -c ERROR log.bak
sed '1!G;h;$!d' <(seq 3)
sed -n '/^59998 /,$p' log | wc -l
sed '/info/w informed' log | wc -l && wc -l <informed
sed 's/a/b/e' </dev/null && echo "sed done"

echo "== awk"
awk '{ count[$2]++ } END { for (level in count) print level, count[level] }' log | sort
awk -F'[= ]' '{ sum += $7 } END { printf "%.2f\n", sum }' log
awk 'BEGIN { while (("echo from a command" | getline line) > 0) print line; close("x") }'
awk 'BEGIN { print "to a pipe" | "cat"; close("cat"); print substr("abcdef", 2, 3), toupper("x") }'
awk 'BEGIN { print ENVIRON["TZ"]; system("exit 3") }'
awk 'BEGIN { exit 5 }'; echo "awk: $?"

echo "== diff, patch, ed"
seq 20 >old && sed 's/^7$/seven/; 15d' old >new
diff -u old new | tail -n +3
diff -u old new >change; patch -s old change && cmp old new && echo "patched"
patch -R -s old change && head -n 7 old | tail -n 1
printf '%s\n' '3s/3/three/' w q | ed -s old && sed -n 3p old
printf '1\n2\nx\n' >mine && seq 3 >base && seq 4 >yours && diff3 -m mine base yours

echo "== bc, jq, and the rest"
echo '2^200; scale=20; 4*a(1)' | bc -l
echo '{"a": [1, 2, {"b": null}], "c": "é"}' | jq -c '.a[2], (.a[:2] | add), .c'
seq 10 | paste - - - - - | column -t
echo "the quick brown fox" | tr ' ' '\n' | sort | paste -sd ' '
iconv -f UTF-8 -t ISO-8859-1 <<<'é' | od -An -tx1
printf 'abc' | xxd 2>/dev/null | head -n 1 || true
strings -n 6 /bin/true 2>/dev/null | grep -c GLIBC | sed 's/[1-9][0-9]*/some/'
