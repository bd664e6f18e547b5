#!/bin/bash
# A thousand forks, one after the other, then many at once.
# time limit: 180

count=0
for ((i = 0; i < 600; i++)); do
  (exit $((i % 7)))
  ((count += $?))
done
echo "600 subshells, sum of statuses $count"

total=0
for ((i = 0; i < 100; i++)); do
  value=$(echo "$i")
  ((total += value))
done
echo "100 command substitutions, sum $total"

for ((i = 0; i < 100; i++)); do
  /bin/true || echo "true failed"
done
echo "100 programs"

for ((round = 0; round < 4; round++)); do
  for ((i = 0; i < 50; i++)); do
    (echo "$round.$i" >>"many.$round") &
  done
  wait
done
cat many.* | sort -u | wc -l
